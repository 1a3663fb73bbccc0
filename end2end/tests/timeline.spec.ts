import { flood } from '../support/flood';
import { expect, test, type Page, type Person } from '../support/messenger';

/** A chat of Ann and Bob with `all` messages by Bob. Ann has read the first `read`. */
async function lines(ann: Person, bob: Person, all: number, read = all) {
  const chat = await bob.directWith(ann);
  await bob.open('/chats');
  await flood(bob.page, chat, Array.from({ length: all }, (_, n) => `Line ${n + 1}.`));
  if (read) await ann.read(chat, read);
  return chat;
}

/** Records the number of rows after every change of the timeline. */
async function watchRows(page: Page) {
  await page.evaluate(() => {
    const log = document.querySelector('.timeline')!;
    const count = () => log.querySelectorAll('.messages > .message').length;
    Object.assign(window, { fewest: count() });
    new MutationObserver(() => (fewest = Math.min(fewest, count()))).observe(log, { childList: true, subtree: true });
  });
}

declare let fewest: number;
/** Unsent messages that were shown below a message that is not the newest one. */
declare let misplaced: string[];

/** The number of the first visible message. */
const topRow = (page: Page) =>
  page.evaluate(() => {
    const log = document.querySelector('.timeline')!;
    const edge = log.getBoundingClientRect().top;
    const rows = [...log.querySelectorAll('.messages > .message')];
    return Number(rows.find((row) => row.getBoundingClientRect().bottom > edge)?.id.slice(1));
  });

test.describe('the timeline', { tag: '@script' }, () => {
  test('shows the last of many quick edits', async ({ person }) => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    const chat = await ann.talkingWith(bob);
    const no = await bob.say(chat, 'Edit 0.');
    await expect(ann.message('Edit 0.')).toBeVisible();
    // The frames wait in the queue of the chat, so one transaction commits several edits in the same millisecond.
    await bob.page.evaluate(
      ([chat_id, no]) =>
        new Promise<void>((done) => {
          const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/ws`, 'messenger.v1');
          let acks = 0;
          socket.onmessage = ({ data }) => {
            const { type } = JSON.parse(data);
            for (let ref = 1; type === 'ready' && ref <= 60; ref++) {
              socket.send(JSON.stringify({ type: 'edit', ref, chat_id, no, text: `Edit ${ref}.` }));
            }
            if (type === 'ack' && ++acks === 60) done();
          };
        }),
      [chat, no] as const,
    );
    await expect(ann.timeline.locator('.text')).toHaveText('Edit 60.');
    await expect(bob.timeline.locator('.text')).toHaveText('Edit 60.');
  });

  test('keeps its rows while missed messages arrive after a reconnect', async ({ person, wire }) => {
    const [ann, bob] = [await person('Ann', { baseURL: wire.url }), await person('Bob')];
    const chat = await lines(ann, bob, 60);
    await ann.open(`/chats/${chat}`);
    await expect(ann.message('Line 60.')).toBeInViewport();
    ann.expects(/WebSocket connection|ERR_(CONNECTION|EMPTY|INTERNET|SOCKET)|Failed to load resource/);
    wire.cut();
    await expect(ann.page.locator('[data-connection]')).toHaveAttribute('data-connection', 'waiting');
    for (let n = 1; n <= 5; n++) await bob.say(chat, `Missed ${n}.`);
    await watchRows(ann.page);
    const before = await ann.page.evaluate(() => fewest);
    wire.mend();
    await ann.isBackOnline();
    await expect(ann.message('Missed 5.')).toBeInViewport();
    await expect(ann.message('Missed 1.')).toBeVisible();
    expect(await ann.page.evaluate(() => fewest)).toBe(before);
  });

  test('a reader who is far behind stays at the message read', async ({ person, wire }) => {
    const [ann, bob] = [await person('Ann', { baseURL: wire.url }), await person('Bob')];
    const chat = await lines(ann, bob, 200);
    await ann.open(`/chats/${chat}?at=60#m60`);
    await expect(ann.message('Line 60.')).toBeInViewport();
    ann.expects(/WebSocket connection|ERR_(CONNECTION|EMPTY|INTERNET|SOCKET)|Failed to load resource/);
    wire.cut();
    await expect(ann.page.locator('[data-connection]')).toHaveAttribute('data-connection', 'waiting');
    const top = await topRow(ann.page);
    // More changes than a device catches up with.
    await flood(bob.page, chat, Array.from({ length: 520 }, (_, n) => `Later ${n + 1}.`));
    const replaced = ann.page.waitForResponse((answer) => /around=\d/.test(answer.request().postData() ?? ''));
    wire.mend();
    await ann.isBackOnline();
    await expect(ann.page.getByRole('button', { name: ann.words.chat.newest })).toHaveText('520');
    // The newest messages have replaced the rows in memory.
    await replaced;
    await expect(ann.message('Line 60.')).toBeInViewport();
    expect(await topRow(ann.page)).toBe(top);
  });

  test('a message sent from further up is shown at the end, and unseen messages keep their place', async ({ person, words }) => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    const chat = await lines(ann, bob, 100);
    await ann.open(`/chats/${chat}`);
    await expect(ann.message('Line 100.')).toBeInViewport();
    await ann.timeline.evaluate((log) => log.scrollBy(0, -900));
    const newest = ann.page.getByRole('button', { name: words.chat.newest });
    await expect(newest).toBeVisible();
    await flood(bob.page, chat, Array.from({ length: 40 }, (_, n) => `Unseen ${n + 1}.`));
    await expect(newest).toHaveText('40');
    await ann.write('My answer');
    await expect(ann.message('My answer')).toBeInViewport();
    await expect(ann.timeline.getByRole('article').last()).toContainText('My answer');
    await expect(ann.message('My answer')).toContainText(words.chat.sent);
    const first = ann.page.getByRole('link', { name: words.chat.first_unread });
    await expect(first).toBeVisible();
    expect(await ann.timeline.locator('.unread-divider').evaluate((line) => line.parentElement!.id)).toBe('m101');
    // The place is kept while the reader looks at another chat.
    await ann.goTo(await ann.savedChat());
    await ann.goTo(chat);
    await expect(ann.message('Unseen 1.')).toBeInViewport();
    await expect(ann.timeline.getByText(words.chat.new_messages)).toBeInViewport();
    await expect(first).toHaveCount(0);
  });

  test('an unsent message is never below an old one', async ({ person, words }) => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    const chat = await lines(ann, bob, 400);
    await ann.open(`/chats/${chat}?at=50#m50`);
    await expect(ann.message('Line 50.')).toBeInViewport();
    await ann.page.evaluate(() => {
      Object.assign(window, { misplaced: [] });
      const log = document.querySelector('.timeline')!;
      const look = () => {
        const last = [...log.querySelectorAll('.messages:not(.unsent) > .message')].pop()?.id;
        if (log.querySelector('.unsent > .message') && last !== 'm400' && last !== 'm401') misplaced.push(String(last));
      };
      new MutationObserver(look).observe(log, { childList: true, subtree: true });
    });
    await ann.write('My answer');
    await expect(ann.message('My answer')).toBeInViewport();
    await expect(ann.message('Line 400.')).toBeInViewport();
    await expect(ann.message('My answer')).toContainText(words.chat.sent);
    expect(await ann.page.evaluate(() => misplaced)).toEqual([]);
  });

  test('of two quick jumps the last one counts', async ({ person, words }) => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    const chat = await lines(ann, bob, 300);
    await bob.say(chat, 'As I said', 1);
    await ann.read(chat, 301);
    await ann.open(`/chats/${chat}`);
    await expect(ann.message('As I said').locator('.quote')).toContainText('Line 1.');
    let release!: () => void;
    const held = new Promise<void>((resolve) => (release = resolve));
    await ann.page.route('**/fn/history', async (route) => {
      await held;
      await route.continue();
    });
    const answered = ann.page.waitForResponse('**/fn/history');
    await ann.message('As I said').locator('.quote').click();
    await ann.timeline.evaluate((log) => log.scrollBy(0, -600));
    await ann.page.getByRole('button', { name: words.chat.newest }).click();
    await expect(ann.message('As I said')).toBeInViewport();
    release();
    await (await answered).finished();
    await ann.page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
    await expect(ann.message('As I said')).toBeInViewport();
    await expect(ann.page.locator('#m1')).toHaveCount(0);
  });

  test('messages that do not load say so, and load again', async ({ person, words }) => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    const chat = await lines(ann, bob, 200);
    await ann.open(`/chats/${chat}`);
    await expect(ann.message('Line 200.')).toBeInViewport();
    ann.expects(/Failed to load resource/);
    let fails = true;
    await ann.page.route('**/fn/history', (route) => (fails ? route.abort() : route.continue()));
    await ann.timeline.evaluate((log) => log.scrollTo(0, 0));
    const failure = ann.page.getByRole('alert').filter({ hasText: words.chat.not_loaded });
    await expect(failure).toBeVisible();
    fails = false;
    await failure.getByRole('button', { name: words.offline.again }).click();
    await expect(failure).toHaveCount(0);
    await expect(ann.page.locator('#m120')).toBeAttached();
    await expect(ann.timeline).toBeFocused();
  });

  test('the divider of new messages goes when the reader answers or comes back', async ({ person, words }) => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    const chat = await lines(ann, bob, 12, 10);
    await ann.open('/chats');
    await ann.row('Bob').click();
    const divider = ann.timeline.getByText(words.chat.new_messages);
    await expect(divider).toBeVisible();
    await expect.poll(async () => (await ann.summary(chat)).unread).toBe(0);
    await ann.page.evaluate(() => dispatchEvent(new Event('focus')));
    await expect(divider).toHaveCount(0);
    // Messages that arrive while the reader is away are new.
    await ann.page.evaluate(() => (document.hasFocus = () => false));
    await bob.say(chat, 'While you were away');
    await expect(divider).toBeVisible();
    expect(await divider.evaluate((line) => line.parentElement!.id)).toBe('m13');
    await ann.page.evaluate(() => (document.hasFocus = () => true));
    await ann.write('I am back');
    await expect(divider).toHaveCount(0);
  });

  test('the filter of unread chats keeps the open one', async ({ person, words }) => {
    const [ann, bob, eve] = [await person('Ann'), await person('Bob'), await person('Eve')];
    for (const other of [bob, eve]) await other.say(await other.directWith(ann), 'Hello');
    await ann.open('/chats?filter=unread');
    await ann.row('Bob').click();
    await expect(ann.message('Hello')).toBeVisible();
    if (!(await ann.list.isVisible())) return;
    await expect(ann.row('Bob')).not.toContainText(words.chat.unread.one);
    await expect(ann.row('Bob')).toBeVisible();
    await ann.row('Eve').click();
    await expect(ann.row('Bob')).toHaveCount(0);
  });
});
