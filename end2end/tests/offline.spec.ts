import { expect, filled, hydrated, test, type Page, type Person } from '../support/messenger';
import { appendFile, cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { builtSite, Server } from '../support/server';

test.use({ serviceWorkers: 'allow' });

const lost = /WebSocket|ERR_(CONNECTION|EMPTY|INTERNET|FAILED)|Failed to (load|fetch)|service ?worker/i;
const tables = ['me', 'chats', 'messages', 'users', 'outbox'];
const ten = Array.from({ length: 10 }, (_, n) => `Message ${n + 1} of ten`);

test.describe('without a network', { tag: '@script' }, () => {
  test('ten messages wait through a reload, and are delivered once and in order', async ({ person, wire, words }) => {
    const [ann, bob] = [await person('Ann', { baseURL: wire.url }), await person('Bob')];
    await ann.talkingWith(bob);
    await ann.write('Before');
    await expect(ann.message('Before')).toContainText(words.chat.read);
    await isKept(ann, 'Before');

    ann.expects(lost);
    wire.cut();
    await ann.page.context().setOffline(true);
    for (const text of ten) await ann.write(text);
    await expect(ann.message(ten[9])).toContainText(words.chat.sending);
    await expect.poll(() => keptOf(ann.page, 'outbox')).toHaveLength(10);

    await ann.page.reload();
    await hydrated(ann.page);
    await expect(ann.timeline.locator('.text')).toHaveText(['Before', ...ten]);
    await expect(ann.page.locator('.as-of')).toContainText(filled(words.chat.as_of, { when: '' }).slice(0, 12));
    // The notice takes its space from the messages, not from the composer.
    await expect(ann.page.locator('.as-of')).toBeVisible();
    await expect(ann.composer).toBeInViewport({ ratio: 1 });
    await bob.write('From the other side');

    wire.mend();
    await ann.page.context().setOffline(false);
    await expect(ann.message(ten[9])).toContainText(words.chat.read);
    for (const { timeline } of [ann, bob]) {
      await expect(timeline.locator('.text')).toHaveText(['Before', 'From the other side', ...ten]);
    }
    await expect(ann.page.locator('.as-of')).toHaveCount(0);
    await expect.poll(() => keptOf(ann.page, 'outbox')).toHaveLength(0);
  });

  test('stored chats can be read, and a chat that is not stored says so', async ({ person, wire, words }) => {
    const [ann, bob] = [await person('Ann', { baseURL: wire.url }), await person('Bob')];
    const [kept, other] = [await ann.groupWith('Kept', [bob]), await ann.groupWith('Never opened', [bob])];
    for (const text of ['One', 'Two', 'Three']) await bob.say(kept, text);
    await ann.open(`/chats/${kept}`);
    await expect(ann.message('Three')).toBeVisible();
    await isKept(ann, 'Three');

    ann.expects(lost);
    wire.cut();
    await countWrites(ann.page);
    await ann.page.goto('/chats');
    await hydrated(ann.page);
    await expect(ann.row('Kept')).toContainText('Three');
    // The page of the list has stored its data, and has left the messages as they were.
    await expect.poll(() => ann.page.evaluate(() => written.join())).toContain('chats');
    await ann.row('Kept').click();
    await expect(ann.message('Three')).toBeVisible();
    await expect(ann.message('One')).toContainText('Bob');
    await ann.page.goto(`/chats/${other}`);
    await hydrated(ann.page);
    await expect(ann.composer).toBeVisible();
    await ann.page.goto('/chats/00000000-0000-7000-8000-000000000000');
    await hydrated(ann.page);
    await expect(ann.main).toContainText(words.chat.not_kept);

    wire.mend();
    await ann.isBackOnline();
    await expect(ann.main).toContainText(words.not_found.title);
  });

  test('two tabs send in the order of writing', async ({ person, wire, words }) => {
    const [ann, bob] = [await person('Ann', { baseURL: wire.url }), await person('Bob')];
    const chat = await ann.directWith(bob);
    await ann.open(`/chats/${chat}`);
    const tab = ann.inTab(await ann.page.context().newPage());
    await tab.open(`/chats/${chat}`);
    ann.expects(lost);
    wire.cut();
    const said = ['First here', 'second there', 'third here', 'fourth there'];
    for (const [n, text] of said.entries()) {
      const [writer, reader] = n % 2 ? [tab, ann] : [ann, tab];
      await writer.write(text);
      await expect(reader.message(text)).toContainText(words.chat.sending);
    }
    wire.mend();
    for (const page of [ann, tab]) await page.isBackOnline();
    await bob.open(`/chats/${chat}`);
    for (const { timeline } of [ann, tab, bob]) await expect(timeline.locator('.text')).toHaveText(said);
    await expect(tab.message('fourth there')).toContainText(words.chat.read);
    await expect.poll(() => keptOf(ann.page, 'outbox')).toHaveLength(0);
  });

  test('signing out removes all stored data', async ({ person, words }) => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    const chat = await ann.groupWith('Choir', [bob]);
    await ann.say(chat, 'Between us');
    await ann.say(chat, 'And for ever');
    await ann.open(`/chats/${chat}`);
    await isKept(ann, 'And for ever');
    await ann.composer.fill('Half a thought');
    await ann.open('/settings/security');
    await ann.page.getByRole('button', { name: words.auth.sign_out, exact: true }).click();
    await expect(ann.page).toHaveURL(/\/login$/);
    for (const table of tables) expect(await keptOf(ann.page, table)).toEqual([]);
    expect(await ann.page.evaluate(() => [...Object.keys(localStorage), ...Object.keys(sessionStorage)])).toEqual([]);
    for (const body of await cachedBy(ann.page)) expect(body).not.toMatch(/Between us|Choir|Ann/);
  });

  test('signing out without a network deletes nothing and says why', async ({ person, wire, words }) => {
    const ann = await person('Ann', { baseURL: wire.url });
    await ann.open(`/chats/${await ann.savedChat()}`);
    await ann.write('To myself');
    await isKept(ann, 'To myself');
    await ann.open('/settings/security');
    ann.expects(lost);
    wire.cut();
    await ann.press(words.auth.sign_out);
    await expect(ann.page.getByRole('alert').filter({ hasText: words.trouble.unreachable })).toBeVisible();
    await expect(ann.page).toHaveURL('/settings/security');
    await isKept(ann, 'To myself');

    wire.mend();
    await ann.press(words.auth.sign_out);
    await expect(ann.page).toHaveURL('/login');
    for (const table of tables) expect(await keptOf(ann.page, table)).toEqual([]);
  });

  test('a form keeps its page and its text until the server responds', async ({ person, browserOf, wire, words }) => {
    const ann = await person('Ann', { baseURL: wire.url });
    const says = (somebody: Person) => somebody.page.getByRole('alert').filter({ hasText: words.trouble.unreachable });
    ann.expects(lost);
    // Hydrated.
    await ann.open('/settings/security');
    await ann.field(words.auth.current_password).fill(ann.password);
    await ann.field(words.auth.new_password).fill('short');
    wire.cut();
    await ann.press(words.auth.change_password);
    await expect(says(ann)).toBeVisible();
    await expect(ann.field(words.auth.new_password)).toHaveValue('short');
    wire.mend();
    await ann.press(words.auth.change_password);
    await expect(ann.page.getByText(words.problems.too_short)).toBeVisible();
    // Before hydration.
    ann.expects(/no WASM/);
    await ann.page.addInitScript(() => {
      WebAssembly.instantiateStreaming = WebAssembly.instantiate = () => Promise.reject(new TypeError('no WASM'));
    });
    await ann.page.goto(`/chats/${await ann.savedChat()}`);
    await ann.composer.fill('Only once');
    wire.cut();
    await ann.composer.press('Enter');
    await expect(says(ann)).toBeVisible();
    await expect(ann.composer).toHaveValue('Only once');
    wire.mend();
    await ann.composer.press('Enter');
    await expect(ann.message('Only once')).toBeVisible();
    // On a device without a service worker.
    const page = await browserOf({ baseURL: wire.url, serviceWorkers: 'block' });
    const stranger = ann.inTab(page);
    stranger.expects(lost);
    stranger.expects(/compilation aborted/);
    await page.goto('/login');
    await stranger.field(words.auth.username).fill(ann.username);
    await stranger.field(words.auth.password).fill(ann.password);
    wire.cut();
    await stranger.press(words.auth.sign_in);
    await expect(says(stranger)).toBeVisible();
    await expect(stranger.field(words.auth.password)).toHaveValue(ann.password);
    wire.mend();
    await stranger.press(words.auth.sign_in);
    await expect(page).toHaveURL('/chats');
  });

  test('a session ended from another device removes all stored data', async ({ person, browserOf }) => {
    const ann = await person('Ann');
    await ann.open(`/chats/${await ann.savedChat()}`);
    await ann.write('To myself');
    await isKept(ann, 'To myself');
    const elsewhere = ann.inTab(await browserOf());
    await elsewhere.signIn();
    await expect(elsewhere.page).toHaveURL(/\/chats$/);
    await elsewhere.endOtherSessions();
    await expect(ann.page).toHaveURL(/\/login\?next=/);
    for (const table of tables) expect(await keptOf(ann.page, table)).toEqual([]);
  });

  test('a session ended while the device was away removes the unsent messages too', async ({ person, browserOf, wire, words }) => {
    const ann = await person('Ann');
    await ann.open(`${wire.url}/chats/${await ann.savedChat()}`);
    ann.expects(lost);
    wire.cut();
    await ann.write('Never sent');
    await expect.poll(() => keptOf(ann.page, 'outbox')).toHaveLength(1);
    const elsewhere = ann.inTab(await browserOf());
    await elsewhere.signIn();
    await expect(elsewhere.page).toHaveURL('/chats');
    await elsewhere.endOtherSessions();
    wire.mend();
    // The server closes a socket without a session after five seconds.
    await expect(ann.page).toHaveURL(/\/login\?next=/, { timeout: 30_000 });
    await expect(ann.page.getByText(words.auth.ended)).toBeVisible();
    for (const table of tables) await expect.poll(() => keptOf(ann.page, table)).toEqual([]);
  });

  test('the offline page shows the user of the session', async ({ person, wire, words }) => {
    const [ann, bob] = [await person('Ann', { baseURL: wire.url }), await person('Bob')];
    await ann.open(`/chats/${await ann.groupWith('Choir', [bob])}`);
    await isKept(ann, 'Choir');
    // In another tab, Bob signs in with the same browser.
    await ann.post('/fn/sign_in', { login: bob.username, password: bob.password });
    ann.expects(lost);
    const tab = ann.inTab(await ann.page.context().newPage());
    await ann.page.close();
    wire.cut();
    await tab.page.goto('/chats');
    await hydrated(tab.page);
    await expect(tab.main).toContainText(words.offline.hint);
    await expect(tab.page.locator('body')).not.toContainText('Choir');
  });

  test('only the new messages of a long chat are stored', async ({ person }) => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    const chat = await ann.groupWith('Choir', [bob]);
    for (const text of ten) await bob.say(chat, text);
    await ann.open(`/chats/${chat}`);
    await isKept(ann, ten[9]);
    await expect.poll(async () => (await keptOf(ann.page, 'messages')).join()).toContain(ten[0]);
    // Another tab has only the last message in memory.
    const list = ann.inTab(await ann.page.context().newPage());
    for (const [tab, path] of [[ann, `/chats/${chat}`], [list, '/chats']] as const) {
      await countWrites(tab.page);
      await tab.open(path);
    }
    for (const text of ['One more', 'And the last']) {
      await bob.say(chat, text);
      await expect(list.row('Choir')).toContainText(text);
      await isKept(ann, text);
    }
    await expect.poll(async () => (await keptOf(ann.page, 'messages')).join()).toContain('And the last');
    for (const { page } of [ann, list]) {
      await expect.poll(() => page.evaluate(() => written.join())).toContain('chats,put');
      const messages = await page.evaluate(() => written.filter(([table]) => table === 'messages'));
      for (const [, what, row] of messages) expect([what, row]).toEqual(['put', expect.stringMatching(/One more|And the last/)]);
    }
    const texts = (await keptOf(ann.page, 'messages')).map((row) => JSON.parse(row).text);
    expect(texts).toEqual(['', ...ten, 'One more', 'And the last']);
  });

  test('the sign-in page removes the stored chats of a session that has ended', async ({ person }) => {
    const ann = await person('Ann');
    await ann.open(`/chats/${await ann.savedChat()}`);
    await ann.write('To myself');
    await isKept(ann, 'To myself');
    await ann.page.context().clearCookies({ name: /session/ });
    await ann.page.goto('/login');
    for (const table of tables) await expect.poll(() => keptOf(ann.page, table)).toEqual([]);
  });

  test('the outbox of a device with the previous version is sent', async ({ person, words }) => {
    const ann = await person('Ann');
    const chat = await ann.savedChat();
    const me = await (await ann.page.request.get('/api/v1/me')).json();
    await ann.page.goto('/icon.svg');
    await ann.page.evaluate(makeVersion1, { name: `messenger-${me.id}`, chat });
    await ann.open(`/chats/${chat}`);
    await expect(ann.message('Written before the update')).toContainText(words.chat.sent);
    await expect.poll(() => keptOf(ann.page, 'outbox')).toHaveLength(0);
    await isKept(ann, 'Written before the update');
  });

  test('a removed member no longer has the chat on the device', async ({ person }) => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    const chat = await bob.groupWith('Choir', [ann]);
    await bob.say(chat, 'Between us');
    await ann.open(`/chats/${chat}`);
    await isKept(ann, 'Between us');
    await bob.remove(chat, ann);
    const kept = async () => [...(await keptOf(ann.page, 'chats')), ...(await keptOf(ann.page, 'messages'))].join();
    await expect.poll(kept).not.toMatch(/Between us|Choir/);
  });

  test('a browser without storage can still send', async ({ person, words }) => {
    const ann = await person('Ann');
    await ann.page.addInitScript(() => {
      Object.defineProperty(window, 'indexedDB', { get: () => undefined });
      Storage.prototype.setItem = () => {
        throw new DOMException('full', 'QuotaExceededError');
      };
    });
    await ann.open(`/chats/${await ann.savedChat()}`);
    await ann.write('Kept by the server alone');
    await expect(ann.message('Kept by the server alone')).toContainText(words.chat.sent);
  });

  test('typed text survives a reload and stays with its chat', async ({ person }) => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    const [one, other] = [await ann.groupWith('One', [bob]), await ann.groupWith('Other', [bob])];
    await ann.open(`/chats/${one}`);
    await ann.composer.fill('For one alone');
    await ann.page.reload();
    await ann.settled();
    await expect(ann.composer).toHaveValue('For one alone');
    await ann.page.evaluate((path) => document.querySelector<HTMLElement>(`a[href="${path}"]`)?.click(), `/chats/${other}`);
    await expect(ann.page).toHaveURL(new RegExp(other));
    await expect(ann.composer).toHaveValue('');
  });
});

test.describe('when the server stops', { tag: ['@script', '@once'] }, () => {
  test('ten messages sent during a kill are stored once and in order', async ({ person, words }) => {
    const server = await Server.start();
    try {
      const [ann, bob] = [await person('Ann', { baseURL: server.url }), await person('Bob', { baseURL: server.url })];
      await ann.talkingWith(bob);
      [ann, bob].forEach((somebody) => somebody.expects(lost));
      for (const text of ten.slice(0, 5)) await ann.write(text);
      await server.kill();
      for (const text of ten.slice(5)) await ann.write(text);
      await server.restart();
      for (const { timeline } of [ann, bob]) await expect(timeline.locator('.text')).toHaveText(ten, { timeout: 40_000 });
      await expect(ann.message(ten[9])).toContainText(words.chat.read);
    } finally {
      await server.stop();
    }
  });

  test('a new version replaces the cached front end', async ({ person }) => {
    const site = await mkdtemp(join(tmpdir(), 'messenger-site-'));
    await cp(builtSite, site, { recursive: true });
    const server = await Server.start(site);
    try {
      const ann = await person('Ann', { baseURL: server.url });
      ann.expects(lost);
      await ann.open('/chats');
      await ann.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
      const versions = () => ann.page.evaluate(() => caches.keys());
      const [first, ...others] = await versions();
      expect(others).toEqual([]);
      await server.kill();
      await appendFile(join(site, 'pkg/messenger.css'), '.another-version { color: red }');
      await rm(join(site, 'pkg/messenger.css.br'));
      await server.restart();
      await ann.page.reload();
      await expect.poll(versions).not.toContain(first);
      expect(await versions()).toHaveLength(1);
      const styles = await ann.page.locator('link[rel=stylesheet]').getAttribute('href');
      const read = (path: string) => fetch(path).then((answer) => answer.text());
      expect(await ann.page.evaluate(read, styles ?? '')).toContain('another-version');
    } finally {
      await server.stop();
      await rm(site, { recursive: true });
    }
  });

  test('a dead but open socket is detected within 30 seconds', async ({ person, wire }) => {
    test.slow();
    const [ann, bob] = [await person('Ann', { baseURL: wire.url }), await person('Bob')];
    const chat = await ann.directWith(bob);
    await ann.open(`/chats/${chat}`);
    wire.silence();
    await bob.say(chat, 'Are you awake?');
    // The last frame arrived just before the cut, and the reconnect follows within a second.
    await expect(ann.message('Are you awake?')).toBeVisible({ timeout: 33_000 });
  });

  test('a tab that was frozen catches up at once when it gets the focus', async ({ person, wire }) => {
    const [ann, bob] = [await person('Ann', { baseURL: wire.url }), await person('Bob')];
    const chat = await ann.directWith(bob);
    await ann.open(`/chats/${chat}`);
    const devtools = await ann.page.context().newCDPSession(ann.page);
    await devtools.send('Page.setWebLifecycleState', { state: 'frozen' });
    wire.silence();
    await bob.say(chat, 'While you slept');
    await devtools.send('Page.setWebLifecycleState', { state: 'active' });
    await ann.page.evaluate(() => dispatchEvent(new Event('focus')));
    await expect(ann.message('While you slept')).toBeVisible();
  });
});

/** The recorded writes of a page to its stores: the store, the method, and the row or key. */
declare let written: [string, string, string][];

/** A database of the previous version, with an unsent message. */
async function makeVersion1({ name, chat }: { name: string; chat: string }) {
  const request = indexedDB.open(name, 1);
  request.onupgradeneeded = () => {
    for (const table of ['me', 'chats', 'histories', 'outbox']) request.result.createObjectStore(table);
  };
  await new Promise((resolve) => (request.onsuccess = resolve));
  const writing = request.result.transaction('outbox', 'readwrite');
  const client_id = '01940000-0000-4000-8000-000000000001';
  const text = 'Written before the update';
  const unsent = { chat_id: chat, client_id, text, reply_to: null, written_at: new Date().toISOString(), refused: null };
  writing.objectStore('outbox').put(JSON.stringify(unsent), client_id);
  await new Promise((resolve) => (writing.oncomplete = resolve));
  request.result.close();
}

/** Waits until the device can work offline: the service worker is active and the message is stored. */
async function isKept(person: Person, text: string) {
  await person.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await expect.poll(async () => (await keptOf(person.page, 'chats')).join()).toContain(text);
}

/** Records the writes of the pages that are opened from now on. */
async function countWrites(page: Page) {
  await page.addInitScript(() => {
    Object.assign(window, { written: [] });
    for (const method of ['put', 'delete', 'clear'] as const) {
      const original = IDBObjectStore.prototype[method] as (...of: unknown[]) => IDBRequest;
      Object.assign(IDBObjectStore.prototype, {
        [method](this: IDBObjectStore, ...of: unknown[]) {
          written.push([this.name, method, String(of[0])]);
          return original.apply(this, of);
        },
      });
    }
  });
}

/** All rows of a table, from the databases of all users of this browser. */
function keptOf(page: Page, table: string): Promise<string[]> {
  return page.evaluate(async (table) => {
    const done = <T>(request: IDBRequest<T>) =>
      new Promise<T>((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    const rows: string[] = [];
    for (const { name } of await indexedDB.databases()) {
      const database = await done(indexedDB.open(name as string));
      rows.push(...(await done(database.transaction(table).objectStore(table).getAll())));
      database.close();
    }
    return rows;
  }, table);
}

/** The bodies of all files in the service worker's cache, except those of the front end. */
function cachedBy(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const texts: string[] = [];
    for (const name of await caches.keys()) {
      const cache = await caches.open(name);
      for (const request of await cache.keys()) {
        if (!request.url.includes('/pkg/')) texts.push((await (await cache.match(request))?.text()) ?? '');
      }
    }
    return texts;
  });
}
