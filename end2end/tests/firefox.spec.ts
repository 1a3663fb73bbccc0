import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { expect, test } from '../support/messenger';

/** The parts of a page, by their place in it: Firefox is driven by WebDriver BiDi, without Playwright's locators. */
const parts = { composer: '.composer-input', option: '.completion [role=option]', texts: '.timeline .text', bubbles: '.timeline .bubble' };

test('Firefox signs in, writes, completes, reads and works offline', { tag: ['@script', '@once'] }, async ({ person, wire, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.groupWith('Choir', [bob]);
  await bob.say(chat, 'Hello, Firefox');
  const firefox = await start();
  try {
    const page = await firefox.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(String(error)));

    await page.goto(`${wire.url}/login`);
    await page.type('input[name=login]', ann.username);
    await page.type('input[name=password]', ann.password);
    await Promise.all([page.waitForNavigation(), page.click('form[action$=sign_in] button')]);
    expect(page.url()).toBe(`${wire.url}/chats`);
    await hydrated(page);

    await page.goto(`${wire.url}/chats/${chat}`);
    await hydrated(page);
    await expect.poll(() => textsOf(page)).toEqual(['Hello, Firefox']);
    await expect.poll(async () => (await ann.summary(chat)).unread).toBe(0);

    await page.type(parts.composer, `Is it you, @${bob.username.slice(0, 5)}`);
    await page.waitForSelector(parts.option);
    await page.keyboard.press('Tab');
    const asked = `Is it you, @${bob.username}`;
    expect((await valueOf(page)).trim()).toBe(asked);
    await page.keyboard.press('Enter');
    await expect.poll(() => textsOf(page)).toEqual(['Hello, Firefox', asked]);
    await stateIs(page, words.chat.sent);
    await bob.say(chat, 'Of course');
    await expect.poll(() => textsOf(page)).toEqual(['Hello, Firefox', asked, 'Of course']);
    expect(complaints).toEqual([]);

    await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    await expect.poll(() => page.evaluate(storedMessages)).toContain('Of course');
    wire.cut();
    await page.type(parts.composer, 'Written offline');
    await page.keyboard.press('Enter');
    await stateIs(page, words.chat.sending);
    await expect.poll(() => page.evaluate(storedMessages)).toContain('Written offline');
    await page.reload();
    await hydrated(page);
    await expect.poll(() => textsOf(page)).toEqual(['Hello, Firefox', asked, 'Of course', 'Written offline']);
    wire.mend();
    await stateIs(page, words.chat.sent);
    expect((await bob.summary(chat)).last_message.text).toBe('Written offline');
  } finally {
    await firefox.close();
  }
});

function start(): Promise<Browser> {
  return puppeteer.launch({ browser: 'firefox', executablePath: process.env.FIREFOX_PATH ?? '/usr/bin/firefox-esr', headless: true });
}

async function hydrated(page: Page) {
  await page.waitForSelector('html[data-hydrated]');
}

function textsOf(page: Page): Promise<string[]> {
  return page.$$eval(parts.texts, (texts) => texts.map(({ textContent }) => textContent ?? ''));
}

function valueOf(page: Page): Promise<string> {
  return page.$eval(parts.composer, (composer) => (composer as HTMLTextAreaElement).value);
}

/** Waits until the newest message shows a state. */
async function stateIs(page: Page, state: string) {
  const newest = () => page.$$eval(parts.bubbles, (bubbles) => bubbles.at(-1)?.textContent ?? '');
  await expect.poll(newest, { timeout: 30_000 }).toContain(state);
}

/** The rows that the device has stored of the messages and of the outbox, as one text. */
async function storedMessages(): Promise<string> {
  const done = <T>(request: IDBRequest<T>) => new Promise<T>((resolve) => (request.onsuccess = () => resolve(request.result)));
  const [{ name }] = await indexedDB.databases();
  const database = await done(indexedDB.open(name as string));
  const rows = ['messages', 'outbox'].map((table) => done(database.transaction(table).objectStore(table).getAll()));
  const stored = String(await Promise.all(rows));
  database.close();
  return stored;
}
