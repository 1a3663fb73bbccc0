import { expect, test, type Page, type Person } from '../support/messenger';

/** A notification of the page, as the stub records it. */
interface Shown {
  title: string;
  body?: string;
  tag: string;
  closed: boolean;
}

declare let shown: (Shown & { onclick?: () => void })[];
declare let state: { hidden: boolean; focused: boolean };

/** Headless browsers show no notifications: records them, and lets the test hide the page or take its focus. */
async function prepare(page: Page, { phone = false } = {}) {
  await page.addInitScript((phone) => {
    Object.assign(window, { shown: [], state: { hidden: false, focused: true } });
    const record = (title: string, options: NotificationOptions) => {
      for (const older of shown) if (older.tag === options.tag) older.closed = true;
      const note = { title, body: options.body, tag: options.tag!, closed: false };
      shown.push(note);
      return note;
    };
    class Stub {
      static permission = 'granted';
      constructor(title: string, options: NotificationOptions) {
        if (phone) throw new TypeError('Illegal constructor');
        const note = record(title, options);
        return Object.assign(note, { close: () => (note.closed = true) });
      }
    }
    Object.assign(window, { Notification: Stub });
    const worker = {
      showNotification: async (title: string, options: NotificationOptions) => void record(title, options),
      getNotifications: async ({ tag }: { tag: string }) => shown.filter((note) => note.tag === tag).map((note) => ({ close: () => (note.closed = true) })),
    };
    if (phone) Object.defineProperty(ServiceWorkerContainer.prototype, 'ready', { get: async () => worker });
    Object.defineProperty(Document.prototype, 'hidden', { get: () => state.hidden });
    Document.prototype.hasFocus = () => state.focused;
  }, phone);
}

const set = (person: Person, now: Partial<typeof state>) => person.page.evaluate((now) => void Object.assign(state, now), now);
const all = (person: Person) => person.page.evaluate(() => shown.map(({ title, body, closed }) => `${title}: ${body}${closed ? ' (closed)' : ''}`));

/** Another tab of the same browser. */
async function secondTab(person: Person, options = {}) {
  const tab = person.inTab(await person.page.context().newPage());
  await prepare(tab.page, options);
  return tab;
}

test.describe('notifications', { tag: '@script' }, () => {
  test('there is none while a visible tab shows the chat, and one for other chats', async ({ person }) => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    const [chat, group] = [await bob.directWith(ann), await bob.groupWith('Choir', [ann])];
    await prepare(ann.page);
    const second = await secondTab(ann);
    const third = await secondTab(ann);
    await ann.open(`/chats/${chat}`);
    await second.open('/chats');
    await third.open('/settings');
    // The first tab is beside another window; the others are in the background.
    await set(ann, { focused: false });
    for (const tab of [second, third]) await set(tab, { hidden: true, focused: false });
    await bob.say(chat, 'On the screen');
    await expect(ann.message('On the screen')).toBeVisible();
    await expect(second.list).toContainText('On the screen');
    await bob.say(group, 'Elsewhere');
    const together = async () => (await Promise.all([ann, second, third].map(all))).flat();
    await expect.poll(together).toEqual(['Choir: Bob: Elsewhere']);
    await bob.say(group, 'And again');
    await expect.poll(together).toHaveLength(2);
    expect((await together()).sort()).toEqual(['Choir: Bob: And again', 'Choir: Bob: Elsewhere']);
  });

  test('a visible window without focus notifies; a focused one shows a toast only', async ({ person }) => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    const chat = await bob.directWith(ann);
    await prepare(ann.page);
    await ann.open('/settings');
    const toast = ann.page.locator('.arrival');
    await bob.say(chat, 'One');
    await expect(toast).toContainText('One');
    await set(ann, { focused: false });
    await bob.say(chat, 'Two');
    await expect.poll(() => all(ann)).toEqual(['Bob: Two']);
  });

  test('a click opens the chat without a reload', async ({ person }) => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    const chat = await bob.directWith(ann);
    await prepare(ann.page);
    await ann.open('/chats');
    await ann.page.evaluate(() => Object.assign(window, { marked: true }));
    await set(ann, { hidden: true, focused: false });
    await bob.say(chat, 'Hello');
    await expect.poll(() => all(ann)).toEqual(['Bob: Hello']);
    await set(ann, { hidden: false, focused: true });
    await ann.page.evaluate(() => shown[0].onclick!());
    await expect(ann.message('Hello')).toBeVisible();
    await expect(ann.page).toHaveURL(`/chats/${chat}`);
    expect(await ann.page.evaluate(() => 'marked' in window)).toBe(true);
  });

  for (const phone of [false, true]) {
    const by = phone ? 'of a service worker' : 'of a page';
    test(`a notification ${by} follows its message: edited, deleted, read`, async ({ person, words }) => {
      const [ann, bob] = [await person('Ann'), await person('Bob')];
      const chat = await bob.directWith(ann);
      await prepare(ann.page, { phone });
      await bob.open(`/chats/${chat}`);
      await ann.open('/chats');
      await set(ann, { hidden: true, focused: false });
      const no = await bob.say(chat, 'At seven');
      await expect.poll(() => all(ann)).toEqual(['Bob: At seven']);
      await bob.act('At seven', words.chat.edit);
      await bob.write('At eight');
      await expect.poll(() => all(ann)).toEqual(['Bob: At seven (closed)', 'Bob: At eight']);
      await ann.read(chat, no);
      await expect.poll(() => all(ann)).toEqual(['Bob: At seven (closed)', 'Bob: At eight (closed)']);
      await bob.say(chat, 'By mistake');
      await expect.poll(() => all(ann)).toContain('Bob: By mistake');
      await bob.act('By mistake', words.chat.delete);
      await bob.dialog.getByRole('button', { name: words.chat.delete }).click();
      await expect.poll(() => all(ann)).toContain('Bob: By mistake (closed)');
    });
  }
});

test.describe('the toast of a new message', { tag: '@script' }, () => {
  test('changes with its message, and can be dismissed', async ({ person, words }) => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    const chat = await bob.directWith(ann);
    await bob.open(`/chats/${chat}`);
    await ann.open('/settings');
    // The toast does not hide by itself.
    await ann.page.evaluate(() => {
      const paused = new CSSStyleSheet();
      paused.replaceSync('.arrival { animation-play-state: paused !important; }');
      document.adoptedStyleSheets = [paused];
    });
    const toast = ann.page.locator('.arrival');
    await bob.say(chat, 'At seven');
    await expect(toast).toContainText('At seven');
    await bob.act('At seven', words.chat.edit);
    await bob.write('At eight');
    await expect(toast).toContainText('At eight');
    await bob.act('At eight', words.chat.delete);
    await bob.dialog.getByRole('button', { name: words.chat.delete }).click();
    await expect(toast).toHaveCount(0);
    const no = await bob.say(chat, 'Read elsewhere');
    await expect(toast).toContainText('Read elsewhere');
    await ann.read(chat, no);
    await expect(toast).toHaveCount(0);
    await bob.say(chat, 'Not now');
    await expect(toast).toContainText('Not now');
    // A message five seconds later begins the six seconds again.
    await toast.evaluate((element) => {
      element.getAnimations()[0].currentTime = 5_000;
      const { now } = Date;
      Date.now = () => now() + 5_000;
    });
    await bob.say(chat, 'Nor now');
    await expect(toast).toContainText('Nor now');
    expect(await toast.evaluate((element) => element.getAnimations()[0].currentTime)).toBeLessThan(5_000);
    await toast.getByRole('button', { name: words.close }).click();
    await expect(toast).toHaveCount(0);
  });

  test('a deleted message leaves the announcement', async ({ person, words }) => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    const chat = await ann.talkingWith(bob);
    await ann.page.evaluate(() => (document.hasFocus = () => false));
    await bob.say(chat, 'By mistake');
    const region = ann.main.getByRole('status');
    await expect(region).toHaveText('Bob: By mistake');
    await bob.act('By mistake', words.chat.delete);
    await bob.dialog.getByRole('button', { name: words.chat.delete }).click();
    await expect(region).toHaveText('');
  });
});
