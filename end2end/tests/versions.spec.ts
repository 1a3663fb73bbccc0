import { expect, hydrated, test, type Page } from '../support/messenger';

/** Passes the socket's frames through `change`, which may replace a frame by others. */
async function changeFrames(page: Page, change: (frame: any) => object[]) {
  await page.routeWebSocket('**/ws', (socket) => {
    const server = socket.connectToServer();
    server.onMessage((text) => {
      for (const frame of change(JSON.parse(String(text)))) socket.send(JSON.stringify(frame));
    });
  });
}

test.describe('a server of a newer version', { tag: '@script' }, () => {
  test('an unknown kind of message is shown as one line, and the chat goes on', async ({ person, words }) => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    const chat = await ann.directWith(bob);
    await changeFrames(ann.page, (frame) => {
      if (frame.type !== 'message' || frame.message.text !== 'A hologram') return [frame];
      const comet = { type: 'comet_seen', chat_id: frame.chat_id, seq: frame.seq, tail: 1 };
      return [comet, { ...frame, message: { ...frame.message, kind: 'hologram', text: '', light: [1, 2] } }];
    });
    await ann.open(`/chats/${chat}`);
    await bob.say(chat, 'A hologram');
    await expect(ann.message(words.chat.update_to_see)).toBeVisible();
    await bob.say(chat, 'Did you see it?');
    await expect(ann.message('Did you see it?')).toBeVisible();
    await expect(ann.timeline.getByRole('article')).toHaveCount(2);
  });

  test('a frame of an unknown type leaves no gap', async ({ person }) => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    const chat = await ann.directWith(bob);
    await changeFrames(ann.page, (frame) =>
      frame.type === 'message' && frame.message.text === 'Unseen' ? [{ type: 'comet', chat_id: chat, seq: frame.seq }] : [frame],
    );
    await ann.open(`/chats/${chat}`);
    await bob.say(chat, 'Unseen');
    await expect(ann.message('Unseen'), 'read by `changes`').toBeVisible();
  });

  test('the page offers to reload', async ({ person, words }) => {
    const ann = await person('Ann');
    let version = 'of-tomorrow';
    await changeFrames(ann.page, (frame) => [frame.type === 'ready' && version ? { ...frame, version } : frame]);
    await ann.open('/chats');
    const offer = ann.page.getByRole('status').filter({ hasText: words.new_version.ready });
    await expect(offer).toBeVisible();
    version = '';
    await offer.getByRole('link', { name: words.new_version.reload }).click();
    await ann.settled();
    await expect(ann.page.locator('[data-connection]')).toHaveAttribute('data-connection', 'open');
    await expect(offer).toHaveCount(0);
  });

  test('a page that polls learns of a new version', async ({ person, words }) => {
    const ann = await person('Ann');
    let version = (body: string) => body;
    await ann.page.routeWebSocket(/\/ws$/, (socket) => socket.close());
    await ann.page.route('**/fn/exchange', async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, body: version(await answer.text()) });
    });
    await ann.page.goto('/chats');
    await hydrated(ann.page);
    await expect(ann.page.locator('[data-connection]')).toHaveAttribute('data-connection', 'polling');
    const offer = ann.page.getByRole('status').filter({ hasText: words.new_version.ready });
    await expect(offer).toHaveCount(0);
    version = (body) => body.replace(/(\\"version\\":\\")[^\\]*/, '$1of-tomorrow');
    await expect(offer).toBeVisible();
  });

  test('a hidden page does not reload while the reader answers a message', async ({ person, words }) => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    const chat = await bob.directWith(ann);
    await bob.say(chat, 'Shall we sing?');
    await changeFrames(ann.page, (frame) => [frame.type === 'ready' ? { ...frame, version: 'of-tomorrow' } : frame]);
    await ann.page.addInitScript(() => {
      Object.defineProperty(Document.prototype, 'hidden', { get: () => Boolean((window as any).hides) });
    });
    await ann.page.clock.install();
    await ann.open(`/chats/${chat}`);
    await ann.act('Shall we sing?', words.chat.reply);
    await expect(ann.page.locator('.composer .quote')).toBeVisible();
    let loads = 0;
    ann.page.on('load', () => loads++);
    await ann.page.evaluate(() => Object.assign(window, { hides: true }));
    await ann.page.clock.runFor(3_000);
    expect(loads).toBe(0);
    const reloaded = ann.page.waitForEvent('load');
    await ann.composer.press('Escape');
    await ann.page.clock.runFor(3_000);
    await reloaded;
  });

  test('a hidden page reloads by itself, once, unless something was typed', async ({ person }) => {
    const ann = await person('Ann');
    await changeFrames(ann.page, (frame) => [frame.type === 'ready' ? { ...frame, version: 'of-tomorrow' } : frame]);
    await ann.page.addInitScript(() => {
      const hides = sessionStorage.getItem('hides');
      Object.defineProperty(Document.prototype, 'hidden', { get: () => hides !== null || Boolean((window as any).hides) });
    });
    await ann.page.clock.install();
    await ann.open('/new');
    let loads = 0;
    ann.page.on('load', () => loads++);
    await ann.page.getByRole('searchbox').last().fill('typed');
    await ann.page.evaluate(() => Object.assign(window, { hides: true }));
    await ann.page.clock.runFor(3_000);
    expect(loads).toBe(0);
    const reloaded = ann.page.waitForEvent('load');
    await ann.page.evaluate(() => sessionStorage.setItem('hides', ''));
    await ann.page.getByRole('searchbox').last().fill('');
    await reloaded;
    await ann.settled();
    await ann.page.clock.runFor(3_000);
    expect(loads, 'once').toBe(1);
  });
});
