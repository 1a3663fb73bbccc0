import { type Locator } from '@playwright/test';
import { counted, expect, test, type Person } from '../support/messenger';

test('chats are pinned, muted and archived, and come back', async ({ person, words, plain }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const [choir, band] = [await ann.groupWith('Choir', [bob]), await ann.groupWith('Band', [bob])];
  await ann.open(`/chats/${choir}/info`);
  await ann.press(words.chat.pin);
  await expect(ann.page.getByRole('button', { name: words.chat.unpin })).toBeVisible();
  await ann.press(words.chat.mute_ever);
  await expect(ann.page.getByRole('button', { name: words.chat.unmute, exact: true })).toBeVisible();
  await bob.say(band, 'Newer');
  await ann.open('/chats');
  await expect(ann.list.getByRole('listitem').first()).toContainText('Choir');
  await expect(ann.row('Choir')).toContainText(words.chat.muted);

  await ann.open(`/chats/${band}/info`);
  await ann.press(words.chat.archive);
  await expect(ann.page.getByRole('button', { name: words.chat.unarchive })).toBeVisible();
  await ann.open('/chats');
  await expect(ann.row('Band')).toHaveCount(0);
  await ann.page.getByRole('link', { name: words.chat.only_archived }).click();
  await expect(ann.row('Band')).toBeVisible();
  await expect(ann.row('Choir')).toHaveCount(0);
  await ann.page.getByRole('link', { name: words.chat.all, exact: true }).click();
  await expect(ann.row('Band')).toHaveCount(0);
  await bob.say(band, 'Come back');
  if (plain) await ann.open('/chats');
  await expect(ann.row('Band')).toBeVisible();
});

test('a mute ends by the clock of the server, also on the screen', { tag: '@script' }, async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const choir = await ann.groupWith('Choir', [bob]);
  // The device is an hour ahead.
  await ann.page.addInitScript(() => {
    const now = Date.now.bind(Date);
    Date.now = () => now() + 3_600_000;
  });
  await ann.open(`/chats/${choir}/info`);
  await ann.update(choir, { muted_until: new Date(Date.now() + 5_000).toISOString() });
  const heading = ann.main.getByRole('heading', { name: words.chat.muted_until.split(' {{')[0] });
  await expect(heading).toBeVisible();
  await expect(ann.page.getByRole('button', { name: words.chat.unmute, exact: true })).toBeVisible();
  await expect(heading).toHaveCount(0, { timeout: 10_000 });
  await expect(ann.page.getByRole('button', { name: words.chat.unmute, exact: true })).toHaveCount(0);
});

test('saved messages cannot be muted, and a direct chat has no list of members', async ({ person, words, language }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  await ann.open(`/chats/${await ann.savedChat()}/info`);
  await expect(ann.page.getByRole('button', { name: words.chat.pin, exact: true })).toBeVisible();
  await expect(ann.page.getByRole('button', { name: words.chat.mute_ever })).toHaveCount(0);
  await ann.open(`/chats/${await ann.directWith(bob)}/info`);
  await expect(ann.page.getByRole('button', { name: words.chat.mute_ever })).toBeVisible();
  await expect(ann.main.getByRole('link', { name: 'Bob' })).toBeVisible();
  await expect(ann.main.getByText(counted(words.groups.members_count, 2, language))).toHaveCount(0);
});

test('a chat is marked as unread until it is read', async ({ person, words, plain }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await bob.directWith(ann);
  await bob.say(chat, 'Hello');
  await ann.open(`/chats/${chat}`);
  if (plain) await ann.press(words.chat.mark_read);
  await ann.open(`/chats/${chat}/info`);
  await ann.press(words.chat.mark_unread);
  if (!plain) await expect(ann.page.getByRole('button', { name: words.chat.mark_read })).toBeVisible();
  await ann.open('/chats?filter=unread');
  await expect(ann.row('Bob')).toContainText(words.chat.marked);
  // The badge has no visible text but is visible.
  expect((await ann.row('Bob').locator('.badge').boundingBox())!.height).toBeGreaterThanOrEqual(20);
  await ann.row('Bob').click();
  if (plain) return;
  await expect(ann.message('Hello')).toBeVisible();
  await ann.open('/chats');
  await expect(ann.row('Bob')).not.toContainText(words.chat.marked);
});

test('after an absence, a link leads to the first of many unread messages', async ({ person, words, plain }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await linesFor(ann, bob, { all: 120, read: 20 });
  await ann.open(`/chats/${chat}`);
  await expect(ann.message('Line 120.')).toBeInViewport();
  const divider = ann.timeline.getByText(words.chat.new_messages);
  await expect(divider).toHaveCount(0);
  const first = ann.page.getByRole('link', { name: words.chat.first_unread });
  await expect(first).toContainText('100');
  // When the reader sees the end, earlier messages that were never shown stay unread.
  if (!plain) await bob.say(chat, 'Line 121.');
  await ann.looksAgain();
  if (!plain) await expect(ann.message('Line 121.')).toBeInViewport();
  expect((await ann.summary(chat)).unread).toBe(plain ? 100 : 101);
  await first.click();
  await expect(ann.message('Line 21.')).toBeInViewport();
  await expect(divider).toBeInViewport();
  expect(await divider.evaluate((line) => line.parentElement!.id)).toBe('m21');
  await expect(first).toHaveCount(0);
  if (plain) return;
  await expect(ann.message('Line 21.')).toBeFocused();
  await ann.page.getByRole('button', { name: words.chat.newest }).click();
  await expect.poll(async () => (await ann.summary(chat)).unread).toBe(0);
});

test('reading on from the first unread message skips nothing', { tag: '@script' }, async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await linesFor(ann, bob, { all: 260, read: 20 });
  await ann.open(`/chats/${chat}`);
  await ann.page.getByRole('link', { name: words.chat.first_unread }).click();
  await expect(ann.message('Line 21.')).toBeInViewport();
  await ann.timeline.hover();
  const newest = ann.page.getByRole('button', { name: words.chat.newest });
  let seen = await lastSeen(ann.timeline);
  while (await newest.isVisible()) {
    const step = await ann.timeline.evaluate((log) => log.clientHeight / 2);
    await ann.page.mouse.wheel(0, step);
    await expect.poll(async () => (await lastSeen(ann.timeline)) > seen || !(await newest.isVisible())).toBe(true);
    const now = await lastSeen(ann.timeline);
    const first = await ann.timeline.evaluate((log) => {
      const rows = [...log.querySelectorAll('.messages > .message')];
      return Number(rows.find((row) => row.getBoundingClientRect().bottom > log.getBoundingClientRect().top)!.id.slice(1));
    });
    // The previously last visible message is still visible, or next to the top: none was skipped.
    expect(first).toBeLessThanOrEqual(seen + 1);
    seen = now;
  }
  expect(seen).toBe(260);
  await expect.poll(async () => (await ann.summary(chat)).unread).toBe(0);
});

test('opening a message by its link does not mark earlier ones as read', { tag: '@script' }, async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await linesFor(ann, bob, { all: 120, read: 80 });
  // Near the end, so that the unread messages are in the document too.
  await ann.open(`/chats/${chat}?at=104#m104`);
  await expect(ann.message('Line 104.')).toBeFocused();
  await bob.say(chat, 'Line 121.');
  const first = ann.page.getByRole('link', { name: words.chat.first_unread });
  await expect(first).toContainText('41');
  await ann.timeline.hover();
  const seen = await lastSeen(ann.timeline);
  await ann.page.mouse.wheel(0, 200);
  await expect.poll(() => lastSeen(ann.timeline)).toBeGreaterThan(seen);
  expect((await ann.summary(chat)).unread).toBe(41);
  await first.click();
  await expect(ann.message('Line 81.')).toBeFocused();
  await expect.poll(async () => (await ann.summary(chat)).unread).toBe(121 - (await lastSeen(ann.timeline)));
  await expect(first).toHaveCount(0);
});

test('a reply that quotes an unread message does not mark it as read', { tag: '@script' }, async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await linesFor(ann, bob, { all: 80, read: 29 });
  await ann.open(`/chats/${chat}`);
  const first = ann.page.getByRole('link', { name: words.chat.first_unread });
  await expect(first).toContainText('51');
  // Quotes the row just before the first one in the document.
  await bob.say(chat, 'As I said', 30);
  await expect(ann.message('As I said').locator('.quote')).toContainText('Line 30.');
  await expect(first).toBeVisible();
  await bob.say(chat, 'Line 82.');
  await expect(ann.message('Line 82.')).toBeInViewport();
  await ann.page.reload();
  await expect(first).toContainText('53');
});

test('"Mark as read" marks all missed messages as read', { tag: '@script' }, async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await linesFor(ann, bob, { all: 60, read: 0 });
  await ann.open(`/chats/${chat}`);
  await expect(ann.page.getByRole('link', { name: words.chat.first_unread })).toBeVisible();
  await ann.press(words.chat.mark_read);
  await expect.poll(async () => (await ann.summary(chat)).unread).toBe(0);
  await expect(ann.page.getByRole('link', { name: words.chat.first_unread })).toHaveCount(0);
});

test('a chat opened from the list starts at the first unread message', { tag: '@script' }, async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await linesFor(ann, bob, { all: 45, read: 10 });
  await ann.open('/chats');
  await ann.row('Bob').click();
  await expect(ann.timeline.getByText(words.chat.new_messages)).toBeInViewport();
  await expect(ann.message('Line 11.')).toBeInViewport();
  await expect(ann.message('Line 45.')).not.toBeInViewport();
  await expect(ann.page.getByRole('link', { name: words.chat.first_unread })).toHaveCount(0);
  // Exactly the messages whose end is visible are marked as read, also while scrolling.
  const newest = ann.page.getByRole('button', { name: words.chat.newest });
  const below = async () => 45 - (await lastSeen(ann.timeline));
  await expect.poll(async () => (await ann.summary(chat)).unread).toBe(await below());
  const before = await below();
  await ann.timeline.hover();
  await ann.page.mouse.wheel(0, 400);
  await expect.poll(below).toBeLessThan(before);
  await expect.poll(async () => (await ann.summary(chat)).unread - (await below())).toBe(0);
  await expect(newest).toHaveText(String(await below()));
  expect(await below()).toBeGreaterThan(0);
  await newest.click();
  await expect(ann.message('Line 45.')).toBeInViewport();
  await expect.poll(async () => (await ann.summary(chat)).unread).toBe(0);
});

test('a chat marked as unread stays so after a reconnect', { tag: '@script' }, async ({ person, wire, words }) => {
  const [ann, bob] = [await person('Ann', { baseURL: wire.url }), await person('Bob')];
  const chat = await bob.directWith(ann);
  await bob.say(chat, 'Hello');
  await ann.open(`/chats/${chat}`);
  await expect.poll(async () => (await ann.summary(chat)).unread).toBe(0);
  await ann.page.getByRole('link', { name: words.chat.info }).click();
  await ann.press(words.chat.mark_unread);
  await expect(ann.page.getByRole('button', { name: words.chat.mark_read })).toBeVisible();
  ann.expects(/WebSocket connection|ERR_(CONNECTION|EMPTY|SOCKET)/);
  wire.cut();
  await expect(ann.page.locator('[data-connection]')).toHaveAttribute('data-connection', 'waiting');
  wire.mend();
  await ann.isBackOnline();
  await expect(ann.page.locator('[data-connection]')).toHaveAttribute('data-connection', 'open');
  // This chat arrives after the first frames of the new connection.
  const group = await bob.groupWith('Choir', [ann]);
  await ann.goTo(group);
  await expect.poll(async () => (await ann.summary(group)).unread).toBe(0);
  expect((await ann.summary(chat)).marked_unread).toBe(true);
});

test('an older draft does not overwrite one continued on another device', { tag: '@script' }, async ({ browserOf, person, words }) => {
  const ann = await person('Ann');
  const group = await ann.groupWith('Choir', []);
  const other = await ann.groupWith('Band', []);
  const second = ann.inTab(await browserOf());
  await second.signIn();
  await expect(second.page).toHaveURL('/chats');
  await ann.open(`/chats/${group}`);
  await ann.composer.pressSequentially('To be');
  await second.open(`/chats/${group}`);
  await expect(second.composer).toHaveValue('To be');
  await second.composer.press('End');
  await second.composer.pressSequentially(' or not');
  await expect(ann.composer).toHaveValue('To be or not');
  // Leave and return, twice: the text that this tab typed is the older version now.
  for (const chat of [other, group, other]) await ann.goTo(chat);
  expect((await ann.summary(group)).draft).toBe('To be or not');
  await second.composer.press('Enter');
  await expect(second.message('To be or not')).toBeVisible();
  await ann.goTo(group);
  await expect(ann.message('To be or not')).toBeVisible();
  await expect(ann.composer).toHaveValue('');
  await ann.goTo(other);
  expect((await ann.summary(group)).draft).toBe(null);
});

test('the next user of a tab does not see the previous user\'s draft', { tag: '@script' }, async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const group = await ann.groupWith('Choir', [bob]);
  await ann.open(`/chats/${group}`);
  await ann.composer.pressSequentially('For the choir alone');
  await expect.poll(async () => (await ann.summary(group)).draft).toBe('For the choir alone');
  await ann.composer.pressSequentially(', this');
  // The session ends without a sign-out.
  await ann.page.context().clearCookies();
  await bob.signIn(ann.page);
  await expect(ann.page).toHaveURL('/chats');
  const next = bob.inTab(ann.page);
  await next.open(`/chats/${group}`);
  await expect(next.composer).toHaveValue('');
});

test('a draft appears on every device', { tag: '@script' }, async ({ browserOf, person, words }) => {
  const ann = await person('Ann');
  const group = await ann.groupWith('Choir', []);
  const second = ann.inTab(await browserOf());
  await second.signIn();
  await expect(second.page).toHaveURL('/chats');
  await ann.open(`/chats/${group}`);
  await ann.composer.pressSequentially('To be or');
  await expect(second.row('Choir')).toContainText(`${words.chat.draft}: To be or`);
  await second.open(`/chats/${group}`);
  await expect(second.composer).toHaveValue('To be or');
  await second.composer.press('End');
  await second.composer.pressSequentially(' not');
  await expect(ann.composer).toHaveValue('To be or not');
  await ann.composer.press('Enter');
  await expect(ann.message('To be or not')).toBeVisible();
  await expect(second.composer).toHaveValue('');
});

test('browser notifications show as much as the user chose', { tag: '@script' }, async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await bob.directWith(ann);
  // Headless browsers show no notifications: record the calls, and pretend that the page is in the background.
  await ann.page.addInitScript(() => {
    class Noted {
      static permission = 'granted';
      constructor(title: string, { body, silent }: NotificationOptions) {
        noted.push(`${title}: ${body ?? ''}${silent ? ' (silent)' : ''}`);
      }
    }
    Object.assign(window, { noted: [], Notification: Noted });
    Object.defineProperty(Document.prototype, 'hidden', { get: () => true });
  });
  await ann.open('/settings/notifications');
  await expect(ann.page.getByText(words.settings.notify_allowed)).toBeVisible();
  let said = 0;
  const notified = async (text: string) => {
    await bob.say(chat, text);
    await expect(ann.page).toHaveTitle(new RegExp(`^\\(${++said}\\) `));
  };
  const notes = () => ann.page.evaluate(() => noted);
  const choose = async (group: string, name: string) => {
    const button = ann.page.getByRole('group', { name: group }).getByRole('button', { name, exact: true });
    const remembered = ann.page.waitForResponse((answer) => answer.url().endsWith('/fn/set_choice'));
    await button.click();
    await remembered;
    await expect(button).toHaveAttribute('aria-pressed', 'true');
  };
  await notified('One');
  await expect.poll(notes).toEqual(['Bob: One']);
  await choose(words.settings.notify_shows, words.settings.notify_name);
  await choose(words.settings.sound, words.settings.sound_off);
  await notified('Two');
  await expect.poll(notes).toEqual(['Bob: One', 'Bob:  (silent)']);
  await ann.page.reload();
  await ann.settled();
  await choose(words.settings.notify_shows, words.settings.notify_off);
  await notified('Three');
  await choose(words.settings.notify_shows, words.settings.notify_name);
  await notified('Four');
  // "Three" would come before "Four".
  await expect.poll(notes).toEqual(['Bob:  (silent)']);
});

test('the title and a toast report new messages in other chats', { tag: '@script' }, async ({ person }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const [chat, group] = [await bob.directWith(ann), await bob.groupWith('Choir', [ann])];
  await ann.open(`/chats/${group}`);
  await bob.say(chat, 'Look here');
  await expect(ann.page).toHaveTitle(/^\(1\) /);
  const banner = ann.page.locator('.arrival');
  await expect(banner).toContainText('Look here');
  await banner.click();
  await expect(ann.message('Look here')).toBeVisible();
  await expect(ann.page).not.toHaveTitle(/^\(/);
});

/** The notifications that the page created. */
declare let noted: string[];

/** A chat with `all` messages, of which Ann has read the first `read`. */
async function linesFor(ann: Person, bob: Person, { all, read }: { all: number; read: number }) {
  const chat = await bob.directWith(ann);
  for (let n = 1; n <= all; n++) await bob.say(chat, `Line ${n}.`);
  if (read) await ann.read(chat, read);
  return chat;
}

/** The number of the last message whose end is visible. */
function lastSeen(timeline: Locator) {
  return timeline.evaluate((log) => {
    const rows = [...log.querySelectorAll('.messages > .message')];
    const edge = log.getBoundingClientRect().bottom + 1;
    return Number(rows.findLast((row) => row.getBoundingClientRect().bottom <= edge)!.id.slice(1));
  });
}

test('the search above the list finds chats by name, and people', async ({ person, words, plain }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  await ann.groupWith('Choir', [bob]);
  await ann.groupWith('Band', [bob]);
  await ann.open('/chats');
  const search = ann.list.getByRole('searchbox', { name: words.chat.find });
  await search.fill(plain ? bob.username : 'cHoi');
  if (plain) {
    await search.press('Enter');
  } else {
    await expect(ann.row('Band')).toHaveCount(0);
    await expect(ann.row('Choir')).toBeVisible();
    await search.fill(bob.username);
    await ann.list.getByRole('link', { name: words.chat.find_people }).click();
  }
  await expect(ann.main.getByText(`@${bob.username}`)).toBeVisible();
});

test('rooms with one name pattern differ in their initials', async ({ person }) => {
  const ann = await person('Ann');
  for (const n of [1, 25, 50]) await ann.groupWith(`Jokes ${n}`, []);
  await ann.open('/chats');
  const initials = await ann.list.locator('.chat-row .avatar').allInnerTexts();
  expect(initials).toEqual(expect.arrayContaining(['J1', 'J25', 'J50']));
});
