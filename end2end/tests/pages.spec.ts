import { expect, test } from '../support/messenger';

test('an unknown address shows a page that says so', async ({ person, words }) => {
  const ann = await person('Ann');
  for (const path of ['/no/such/page', '/chats/not-an-id', '/users/@nobody_at_all', '/settings/nothing']) {
    const answer = await ann.open(path);
    expect(answer?.status(), path).toBe(404);
    await expect(ann.page.getByRole('heading', { name: words.not_found.title })).toBeVisible();
    const height = (await ann.page.getByRole('main').boundingBox())!.height;
    expect(height, 'it fills the window').toBeGreaterThan(ann.page.viewportSize()!.height * 0.9);
    await ann.page.getByRole('link', { name: words.not_found.back }).click();
    await expect(ann.page).toHaveURL('/chats');
  }
});

test('a chat of others looks like an unknown address', async ({ person, words }) => {
  const [ann, bob, eve] = [await person('Ann'), await person('Bob'), await person('Eve')];
  const chat = await ann.directWith(bob);
  await ann.say(chat, 'Between us');
  for (const path of [`/chats/${chat}`, `/chats/${chat}/info`]) {
    const answer = await eve.open(path);
    expect(answer?.status()).toBe(404);
    expect(await answer?.text()).not.toContain('Between us');
    await expect(eve.page.getByRole('heading', { name: words.not_found.title })).toBeVisible();
  }
});

test('every page can be opened, reloaded and shared by its address', async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.groupWith('Choir', [bob]);
  await ann.say(chat, 'Rehearsal at seven');
  const pages: [string, string][] = [
    ['/chats', words.chat.chats],
    [`/chats/${chat}`, 'Choir'],
    [`/chats/${chat}?at=2`, 'Choir'],
    [`/chats/${chat}/info`, 'Choir'],
    ['/new', words.chat.new_chat],
    [`/new?q=${bob.username}`, words.chat.new_chat],
    ['/new?kind=group', words.groups.new_group],
    [`/users/@${bob.username}`, 'Bob'],
    ['/settings', words.settings.title],
    ['/settings/profile', words.settings.profile],
    ['/settings/security', words.settings.security],
    ['/settings/appearance', words.settings.appearance],
    ['/settings/language', words.settings.language],
  ];
  for (const [path, title] of pages) {
    const answer = await ann.open(path);
    expect(answer?.status(), path).toBe(200);
    await expect(ann.page, path).toHaveTitle(`${title} · Messenger`);
    await expect(ann.page.getByRole('main'), path).toHaveCount(1);
    await ann.page.reload();
    await ann.settled();
    await expect(ann.page, path).toHaveURL(path);
    await expect(ann.page, path).toHaveTitle(`${title} · Messenger`);
  }
});

test('links navigate without a reload', { tag: '@script' }, async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.directWith(bob);
  await ann.say(chat, 'Hello');
  await ann.open('/chats');
  await ann.page.evaluate(() => Object.assign(window, { marked: true }));
  await ann.row('Bob').click();
  await expect(ann.message('Hello')).toBeVisible();
  await ann.main.getByRole('link', { name: 'Bob' }).click();
  await expect(ann.page.getByRole('button', { name: words.profiles.message })).toBeVisible();
  await ann.page.goBack();
  await expect(ann.message('Hello')).toBeVisible();
  await ann.page.goBack();
  await expect(ann.page).toHaveURL('/chats');
  await ann.list.getByRole('link', { name: words.settings.title }).click();
  // A phone shows the list of the settings first.
  if (!(await ann.list.isVisible())) await ann.main.getByRole('link', { name: words.settings.profile }).click();
  await expect(ann.field(words.auth.display_name)).toHaveValue('Ann');
  if (!(await ann.list.isVisible())) await ann.main.getByRole('link', { name: words.back }).click();
  await ann.main.getByRole('link', { name: words.settings.sessions }).click();
  await expect(ann.page.getByText(words.auth.this_device)).toBeVisible();
  expect(await ann.page.evaluate(() => 'marked' in window)).toBe(true);
});

test('the browser history has each page once', { tag: '@script' }, async ({ person }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.directWith(bob);
  await ann.say(chat, 'Hello');
  await ann.open('/chats');
  await ann.row('Bob').click();
  await expect(ann.page).toHaveURL(`/chats/${chat}`);
  await expect(ann.message('Hello')).toBeVisible();
  if (await ann.row('Bob').isVisible()) await ann.row('Bob').click();
  await ann.main.getByRole('link', { name: 'Bob' }).click();
  await expect(ann.page.getByRole('heading', { name: 'Bob', level: 1 })).toBeVisible();
  await ann.page.goBack();
  await expect(ann.message('Hello')).toBeVisible();
  await ann.page.goBack();
  await expect(ann.page).toHaveURL('/chats');
  await ann.page.goForward();
  await expect(ann.message('Hello')).toBeVisible();
});

test('navigation moves the focus into the new page', { tag: '@script' }, async ({ person, words }) => {
  const bob = await person('Bob');
  const [ann, touching] = [await person('Ann'), await person('Ann', { hasTouch: true, isMobile: true })];
  for (const one of [ann, touching]) {
    await one.say(await one.directWith(bob), 'Hello');
    await one.open('/chats');
    await one.row('Bob').click();
    await expect(one.message('Hello')).toBeVisible();
  }
  const focused = ann.page.locator(':focus');
  await expect(ann.composer).toBeFocused();
  await expect(ann.composer).toHaveAccessibleDescription('Bob');
  await ann.main.getByRole('link', { name: 'Bob' }).click();
  await expect(ann.page.getByRole('heading', { name: 'Bob', level: 1 })).toBeFocused();
  await ann.page.goBack();
  await expect(ann.composer).toBeFocused();
  await ann.page.goBack();
  await expect(ann.list.getByRole('heading', { name: words.chat.chats })).toBeFocused();
  await ann.list.getByRole('link', { name: words.settings.title }).click();
  await expect(focused).toHaveText(words.settings.title);
  const search = ann.main.getByRole('searchbox');
  await ann.page.keyboard.press('/');
  await expect(search).toBeFocused();
  // A page that is still loading gets no focus.
  let letGo!: () => void;
  const held = new Promise<void>((resolve) => (letGo = resolve));
  await ann.page.route('**/fn/load', async (route) => {
    await held;
    await route.continue();
  });
  // Nothing in this tab knows this user yet.
  await ann.main.evaluate((main, href) => {
    const link = Object.assign(document.createElement('a'), { href });
    main.append(link);
    link.click();
  }, `/users/@${touching.username}`);
  await expect(ann.page.locator('main[aria-busy]')).toBeVisible();
  letGo();
  await expect(ann.page.getByRole('heading', { name: 'Ann', level: 1 })).toBeFocused();
  await ann.page.keyboard.press('/');
  await ann.main.getByRole('link', { name: words.groups.new_group }).click();
  await expect(focused).toHaveText(words.groups.new_group);
  // On a touch screen the focus goes to the heading, because a focused field would open the keyboard.
  await expect(touching.main.getByRole('heading', { name: 'Bob' })).toBeFocused();
});

test('the Tab order is sensible and complete', async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.directWith(bob);
  await ann.say(chat, 'Hello');
  await ann.open(`/chats/${chat}`);
  const stops: string[] = [];
  for (let n = 0; n < 30 && stops.at(-1) !== words.chat.send; n++) {
    await ann.page.keyboard.press('Tab');
    stops.push(await ann.page.evaluate(nameOfFocused));
  }
  const expected = [words.skip_to_content, words.chat.messages, words.chat.message, words.chat.send];
  expect(stops.filter((stop) => expected.includes(stop))).toEqual(expected);
  const shown = await ann.list.isVisible();
  const inList = [words.settings.title, words.chat.new_chat];
  expect(stops.filter((stop) => inList.includes(stop))).toEqual(shown ? inList : []);

  await ann.open(`/chats/${chat}`);
  await ann.page.keyboard.press('Tab');
  await ann.page.keyboard.press('Enter');
  await expect(ann.page).toHaveURL(/#main$/);
  await ann.page.keyboard.press('Tab');
  expect(await ann.page.evaluate(() => document.activeElement?.closest('main') !== null)).toBe(true);
});

function nameOfFocused(): string {
  const focused = document.activeElement as HTMLElement;
  return focused.getAttribute('aria-label') ?? focused.innerText.trim();
}

test('foreign scripts do not run, and the site cannot be framed', async ({ person }) => {
  const ann = await person('Ann');
  const answer = await ann.open('/chats');
  const policy = answer?.headers()['content-security-policy'] ?? '';
  expect(policy).toMatch(/script-src 'nonce-[^']+' 'strict-dynamic' 'wasm-unsafe-eval';/);
  expect(policy).toContain("frame-ancestors 'none'");
  expect(answer?.headers()['x-content-type-options']).toBe('nosniff');
});
