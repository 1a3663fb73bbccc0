import { expect, test, type Page } from '../support/messenger';

test.describe('at hydration', { tag: '@script' }, () => {
  test('the layout does not shift', async ({ person }) => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    const chat = await ann.groupWith('Choir', [bob]);
    for (let n = 1; n <= 40; n++) await (n % 3 ? ann : bob).say(chat, `Line ${n} of a long conversation`);
    for (const path of ['/chats', `/chats/${chat}`, `/chats/${chat}/info`, '/settings/profile', '/new?kind=group']) {
      await ann.page.goto(path);
      await ann.settled();
      expect(await ann.page.evaluate(layoutShift), path).toBeLessThan(0.02);
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
});

/** Blocks the WASM of a page until the returned function is called. */
async function holdBack(page: Page): Promise<() => void> {
  let letItCome = () => {};
  const held = new Promise<void>((resolve) => (letItCome = resolve));
  await page.route('**/*.wasm', async (route) => {
    await held;
    await route.continue();
  });
  return letItCome;
}

/** The sum of the page's layout shifts so far, read after two frames. */
async function layoutShift(): Promise<number> {
  const frame = () => new Promise((next) => requestAnimationFrame(next));
  await frame();
  await frame();
  return new Promise((answer) => {
    const observer = new PerformanceObserver((list) => {
      observer.disconnect();
      answer(list.getEntries().reduce((sum, entry) => sum + (entry as unknown as { value: number }).value, 0));
    });
    observer.observe({ type: 'layout-shift', buffered: true });
    // Without a shift the observer is never called.
    requestAnimationFrame(() => requestAnimationFrame(() => answer(0)));
  });
}
