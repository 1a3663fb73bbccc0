import { expect, hydrated, test, type Page } from '../support/messenger';

test.describe('at hydration', { tag: '@script' }, () => {
  test('the layout does not shift', async ({ person }) => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    const chat = await ann.groupWith('Choir', [bob]);
    for (let n = 1; n <= 40; n++) await (n % 3 ? ann : bob).say(chat, `Line ${n} of a long conversation`);
    await ann.page.addInitScript(noteShifts);
    // A slow device paints a page while it still arrives.
    await (await ann.page.context().newCDPSession(ann.page)).send('Emulation.setCPUThrottlingRate', { rate: 4 });
    for (const path of ['/chats', `/chats/${chat}`, `/chats/${chat}/info`, '/settings/profile', '/new?kind=group']) {
      await ann.page.goto(path);
      await ann.settled();
      const { sum, moved } = await ann.page.evaluate(layoutShift);
      expect(sum, `${path}: ${moved}`).toBeLessThan(0.02);
    }
  });

  test('a conversation is at its end before hydration', async ({ person }) => {
    const ann = await person('Ann');
    const chat = await ann.savedChat();
    for (let n = 1; n <= 40; n++) await ann.say(chat, `Note number ${n}.`);
    const letItCome = await holdBack(ann.page);
    await ann.page.goto(`/chats/${chat}`, { waitUntil: 'commit' });
    await expect(ann.message('Note number 40.')).toBeInViewport();
    letItCome();
    await ann.settled();
    await expect(ann.message('Note number 40.')).toBeInViewport();
  });

  test('text typed before hydration stays', async ({ person, words }) => {
    const ann = await person('Ann');
    const chat = await ann.savedChat();
    const letItCome = await holdBack(ann.page);
    await ann.page.goto(`/chats/${chat}`, { waitUntil: 'commit' });
    await ann.composer.fill('Typed early');
    letItCome();
    await ann.settled();
    await expect(ann.composer).toHaveValue('Typed early');
    await ann.composer.press('Enter');
    await expect(ann.message('Typed early')).toContainText(words.chat.sent);
  });

  test('only controls that work are shown before it', async ({ person, words }) => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    const chat = await ann.groupWith('Choir', [bob]);
    const no = await bob.say(chat, 'Who sings tonight?');
    const letItCome = await holdBack(ann.page);
    await ann.page.goto(`/chats/${chat}`, { waitUntil: 'commit' });
    const emoji = ann.page.getByRole('button', { name: words.chat.emoji, exact: true });
    const markRead = ann.page.getByRole('button', { name: words.chat.mark_read });
    await expect(markRead).toBeVisible();
    await expect(emoji).toBeHidden();
    await markRead.click();
    await expect(markRead).toHaveCount(0);
    expect((await ann.summary(chat)).read_no).toBe(no);
    letItCome();
    await ann.settled();
    await expect(emoji).toBeVisible();
  });

  test('Enter sends before it, and the text does not return', async ({ person, words }) => {
    const ann = await person('Ann');
    const letItCome = await holdBack(ann.page);
    await ann.page.goto(`/chats/${await ann.savedChat()}`, { waitUntil: 'commit' });
    await ann.composer.fill('Sent early');
    await ann.composer.press('Shift+Enter');
    await ann.composer.pressSequentially('in two lines');
    await ann.composer.press('Enter');
    await expect(ann.message('Sent early')).toContainText('in two lines');
    await expect(ann.composer).toHaveValue('');
    letItCome();
    await ann.settled();
    await expect(ann.message('Sent early')).toContainText(words.chat.sent);
    await expect(ann.composer).toHaveValue('');
  });

  test('a question asked before it stays on its page', async ({ person, words }) => {
    const ann = await person('Ann');
    const group = await ann.groupWith('Choir', []);
    const letItCome = await holdBack(ann.page, '**/controls.js*');
    await ann.page.goto(`/chats/${group}/info`, { waitUntil: 'commit' });
    await ann.page.getByRole('button', { name: words.groups.leave, exact: true }).click();
    const question = ann.page.locator('#confirm');
    await expect(question).toBeVisible();
    await expect(ann.page).toHaveURL(`/chats/${group}/info`);
    letItCome();
    await ann.settled();
    await expect(ann.main.getByRole('heading', { name: 'Choir' })).toBeVisible();
    await question.getByRole('button', { name: words.cancel, exact: true }).click();
    await expect(question).toBeHidden();
    expect(await ann.summary(group)).toMatchObject({ title: 'Choir' });
  });

  test('a page whose WASM does not load says so and works', async ({ person, words }) => {
    const ann = await person('Ann');
    ann.expects(/ERR_FAILED|Failed to fetch/);
    await ann.page.route('**/*.wasm*', (route) => route.abort());
    await ann.page.goto(`/chats/${await ann.savedChat()}`);
    await expect(ann.page.getByRole('alert').filter({ hasText: words.trouble.unloaded })).toBeVisible();
    await ann.composer.fill('All the same');
    await ann.page.getByRole('button', { name: words.chat.send, exact: true }).click();
    await expect(ann.message('All the same')).toBeVisible();
    await expect(ann.composer).toHaveValue('');
  });
});

test.describe('the part of the front end that loads later', { tag: '@script' }, () => {
  test('comes once, with the first page or dialog that needs it', async ({ person, words }) => {
    const ann = await person('Ann');
    const loaded = () => ann.page.evaluate(loadedParts);
    await ann.open(`/chats/${await ann.savedChat()}`);
    expect(await loaded()).toBe(0);
    await ann.page.keyboard.press('Control+k');
    await expect(ann.page.getByRole('dialog')).toBeVisible();
    expect(await loaded()).toBe(1);
    await ann.page.keyboard.press('Escape');
    await goTo(ann.page, '/settings/appearance');
    await expect(ann.page.getByRole('heading', { name: words.settings.theme })).toBeVisible();
    expect(await loaded()).toBe(1);
    await ann.open('/settings/privacy');
    expect(await loaded(), 'of a document').toBe(1);
  });

  test('is awaited by its page, which then gets the focus', async ({ person, words }) => {
    const ann = await person('Ann');
    await ann.open('/chats');
    const letItCome = await holdBack(ann.page);
    await goTo(ann.page, '/settings/appearance');
    await expect(ann.page.locator('main[aria-busy]')).toBeAttached();
    letItCome();
    await expect(ann.page.getByRole('heading', { name: words.settings.title })).toBeFocused();
  });

  test('of another version is replaced by a new document', async ({ person, words }) => {
    const ann = await person('Ann');
    await ann.open('/chats');
    await ann.page.route('**/pkg/part.wasm*', (route) => route.fulfill({ status: 404 }), { times: 1 });
    const loads = ann.page.waitForEvent('load');
    await goTo(ann.page, '/settings/appearance');
    await loads;
    await ann.settled();
    await expect(ann.page.getByRole('heading', { name: words.settings.theme })).toBeVisible();
  });
});

test('the forms for strangers start no WASM before somebody types', { tag: '@script' }, async ({ browserOf, words }) => {
  const page = await browserOf();
  await page.addInitScript(noteStart);
  for (const path of ['/login', '/register']) {
    await page.goto(path, { waitUntil: 'networkidle' });
    expect(await page.evaluate(() => 'wasmStarted' in window), path).toBe(false);
    // The browser has fetched the WASM anyway, for the page after the form.
    const fetched = () => performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname);
    await expect.poll(() => page.evaluate(fetched)).toContain('/pkg/messenger.wasm');
    await page.getByLabel(words.auth.username).pressSequentially('ann');
    await hydrated(page);
    expect(await page.evaluate(() => 'wasmStarted' in window), path).toBe(true);
    await expect(page.getByLabel(words.auth.username)).toHaveValue('ann');
  }
});

test('a crash of the front end offers to load the page again', { tag: '@script' }, async ({ page, words }) => {
  await page.route('**/pkg/messenger.js*', (route) => route.fulfill({ contentType: 'text/javascript', body: crashing }));
  await page.goto('/login');
  await page.getByLabel(words.auth.username).focus();
  await expect(page.getByRole('alert').getByRole('link', { name: words.new_version.reload, exact: true })).toBeVisible();
});

/** A front end whose only function is `unreachable`, as a panic in a release is. */
const crashing = `
  const code = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 5, 1, 3, 0, 0, 11];
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(code)));
  export default async () => {};
  export const hydrate = () => setTimeout(exports.f);
`;

/** Marks a window in which WASM is compiled. */
function noteStart() {
  for (const name of ['compile', 'compileStreaming', 'instantiate', 'instantiateStreaming'] as const) {
    const start = WebAssembly[name] as (...args: unknown[]) => unknown;
    const noted = (...args: unknown[]) => {
      Object.assign(window, { wasmStarted: true });
      return start.apply(WebAssembly, args);
    };
    Object.assign(WebAssembly, { [name]: noted });
  }
}

/** Follows a link of the page's own. */
async function goTo(page: Page, path: string) {
  await page.evaluate((path) => {
    const link = document.body.appendChild(Object.assign(document.createElement('a'), { href: path }));
    link.click();
    link.remove();
  }, path);
}

/** How many times the page itself has loaded the part; the service worker's cache does not count. */
const loadedParts = () => performance.getEntriesByType('resource').filter(({ name }) => new URL(name).pathname === '/pkg/part.wasm').length;

/** Blocks the WASM of a page until the returned function is called. */
async function holdBack(page: Page, files = '**/*.wasm*'): Promise<() => void> {
  let letItCome = () => {};
  const held = new Promise<void>((resolve) => (letItCome = resolve));
  await page.route(files, async (route) => {
    await held;
    await route.continue();
  });
  return letItCome;
}

type Shift = PerformanceEntry & { value: number; sources: { node?: Node }[] };

/** Runs before a page: notes its layout shifts. */
function noteShifts() {
  const shifts: Shift[] = [];
  new PerformanceObserver((list) => shifts.push(...(list.getEntries() as Shift[]))).observe({ type: 'layout-shift', buffered: true });
  Object.assign(globalThis, { shifts });
}

/** The sum of the page's layout shifts after two more frames, and what moved. */
async function layoutShift(): Promise<{ sum: number; moved: string }> {
  const frame = () => new Promise((next) => requestAnimationFrame(next));
  await frame();
  await frame();
  const { shifts } = globalThis as unknown as { shifts: Shift[] };
  const name = ({ node }: { node?: Node }) => (node instanceof Element ? `${node.localName}.${node.className}` : node?.textContent);
  return {
    sum: shifts.reduce((sum, { value }) => sum + value, 0),
    moved: shifts.flatMap(({ sources }) => sources.map(name)).join(', '),
  };
}
