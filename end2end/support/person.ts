import { expect, type Locator, type Page } from '@playwright/test';
import { randomUUID } from 'node:crypto';
import { filled, type Words } from './messenger';

/** Console messages that a page is expected to log. */
export const expectedOf = new WeakMap<Page, RegExp[]>();

/** Waits until the front end runs the page. On /login and /register it starts when the user presses a key. */
export async function hydrated(page: Page) {
  await expect(async () => {
    const waits = await page.locator('html[data-deferred]:not([data-hydrated])').count();
    if (waits) await page.keyboard.press('Shift');
    await expect(page.locator('html')).toHaveAttribute('data-hydrated', '', { timeout: 1_000 });
  }).toPass({ timeout: 10_000 });
}

/** A user in front of a browser: actions, and what the page shows. */
export class Person {
  readonly username: string;
  readonly password = 'four words nobody guesses';

  constructor(
    readonly page: Page,
    readonly words: Words,
    readonly plain: boolean,
    readonly name: string,
    private readonly server = process.env.MESSENGER_URL as string,
  ) {
    const folded = name.toLowerCase().replace(/[^a-z]/g, '').slice(0, 12) || 'somebody';
    this.username = `${folded}_${randomUUID().replaceAll('-', '').slice(0, 12)}`;
  }

  /** Registers by posting the form. auth.spec.ts tests the page itself. */
  async register() {
    await this.post('/fn/register', { username: this.username, display_name: this.name, password: this.password });
  }

  async signIn(page: Page = this.page) {
    await page.goto('/login');
    await page.getByLabel(this.words.auth.username).fill(this.username);
    await page.getByLabel(this.words.auth.password).fill(this.password);
    await page.getByRole('button', { name: this.words.auth.sign_in }).click();
    // The form is sent when the server has responded to a request before it.
    await page.waitForURL((url) => url.pathname !== '/login');
  }

  /** The same user in another tab or browser. */
  inTab(page: Page): Person {
    return Object.assign(Object.create(this), { page });
  }

  /** The browser says that the network is back. Otherwise the page tries again after a random pause of up to 30 s. */
  async isBackOnline() {
    await this.page.evaluate(() => dispatchEvent(new Event('online')));
  }

  // Set-up over REST.

  async directWith(other: Person): Promise<string> {
    const user = await this.get(`/api/v1/users/@${other.username}`);
    return (await this.call('/api/v1/chats', { kind: 'direct', user_id: user.id })).id;
  }

  /** A direct chat that both users have open. */
  async talkingWith(other: Person): Promise<string> {
    const chat = await this.directWith(other);
    await other.open(`/chats/${chat}`);
    await this.open(`/chats/${chat}`);
    return chat;
  }

  async groupWith(title: string, others: Person[]): Promise<string> {
    const users = await Promise.all(others.map((other) => this.get(`/api/v1/users/@${other.username}`)));
    return (await this.call('/api/v1/chats', { kind: 'group', title, member_ids: users.map((user) => user.id) })).id;
  }

  /** Registers users beside the browser; returns their ids. */
  async registerOthers(usernames: string[]): Promise<string[]> {
    const registered = usernames.map(async (username) => {
      const data = { username, password: this.password };
      const answer = await fetch(`${this.server}/api/v1/auth/register`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...this.origin() },
        body: JSON.stringify(data),
      });
      expect(answer.status, username).toBe(201);
      return (await answer.json()).user.id as string;
    });
    return Promise.all(registered);
  }

  async groupOf(title: string, member_ids: string[]): Promise<string> {
    return (await this.call('/api/v1/chats', { kind: 'group', title, member_ids })).id;
  }

  /** Blocks a user. */
  async block(id: string) {
    const path = `/api/v1/me/blocks/${id}`;
    const answer = await this.page.request.put(this.server + path, { headers: this.origin() });
    expect(answer.ok(), `${path}: ${await answer.text()}`).toBe(true);
  }

  /** Changes this user's own name. */
  async takeName(display_name: string) {
    const answer = await this.page.request.patch(`${this.server}/api/v1/me`, { data: { display_name }, headers: this.origin() });
    expect(answer.ok(), await answer.text()).toBe(true);
  }

  async say(chat: string, text: string, reply_to?: number): Promise<number> {
    return (await this.call(`/api/v1/chats/${chat}/messages`, { client_id: randomUUID(), text, reply_to })).no;
  }

  async rename(chat: string, title: string) {
    const path = `/api/v1/chats/${chat}`;
    const answer = await this.page.request.patch(this.server + path, { data: { title }, headers: this.origin() });
    expect(answer.ok(), `${path}: ${await answer.text()}`).toBe(true);
  }

  async add(chat: string, other: Person) {
    const user = await this.get(`/api/v1/users/@${other.username}`);
    await this.call(`/api/v1/chats/${chat}/members`, { user_id: user.id });
  }

  async remove(chat: string, other: Person) {
    const user = await this.get(`/api/v1/users/@${other.username}`);
    const path = `/api/v1/chats/${chat}/members/${user.id}`;
    const answer = await this.page.request.delete(this.server + path, { headers: this.origin() });
    expect(answer.ok(), `${path}: ${await answer.text()}`).toBe(true);
  }

  async endOtherSessions() {
    const sessions = await this.get('/api/v1/auth/sessions');
    for (const { id } of sessions.items.filter((session: { current: boolean }) => !session.current)) {
      const answer = await this.page.request.delete(`${this.server}/api/v1/auth/sessions/${id}`, { headers: this.origin() });
      expect(answer.ok(), await answer.text()).toBe(true);
    }
  }

  async savedChat(): Promise<string> {
    const chats = await this.get('/api/v1/chats');
    return chats.items.find((chat: { kind: string }) => chat.kind === 'saved').id;
  }

  private async get(path: string) {
    const answer = await this.page.request.get(this.server + path);
    expect(answer.ok(), `${path}: ${await answer.text()}`).toBe(true);
    return answer.json();
  }

  private async call(path: string, data: object) {
    const answer = await this.page.request.post(this.server + path, { data, headers: this.origin() });
    expect(answer.ok(), `${path}: ${await answer.text()}`).toBe(true);
    return answer.json();
  }

  /** Posts a form as a browser without JavaScript does. */
  async post(path: string, form: Record<string, string>, refererPath = '/chats') {
    const language = await this.page.evaluate(() => navigator.language);
    const headers = {
      ...this.origin(),
      accept: 'text/html',
      'accept-language': language,
      referer: this.server + refererPath,
    };
    return this.page.request.post(this.server + path, { form, headers, maxRedirects: 0 });
  }

  private origin() {
    return { origin: this.server };
  }

  /** From now on, console messages that match are expected. */
  expects(complaint: RegExp) {
    expectedOf.set(this.page, [...(expectedOf.get(this.page) ?? []), complaint]);
  }

  // Actions in the page.

  async open(path: string) {
    const answer = await this.page.goto(path);
    await this.settled();
    return answer;
  }

  /** Waits until the page is hydrated and connected; without JavaScript it returns at once. */
  async settled() {
    if (this.plain) return;
    await hydrated(this.page);
    // A signed-out page has no chats and no socket.
    const state = this.page.locator('[data-connection]');
    if (await this.page.locator('.chat-row').count()) await expect(state).toHaveAttribute('data-connection', 'open');
  }

  /** Reloads a plain page; a live page updates itself. */
  async looksAgain() {
    if (this.plain) await this.page.reload();
  }

  async write(text: string) {
    await this.composer.fill(text);
    if (this.plain) await this.page.getByRole('button', { name: this.words.chat.send, exact: true }).click();
    else await this.composer.press('Enter');
  }

  async lookFor(name: string) {
    await this.page.locator('#search').fill(name);
    const form = this.page.locator('form:has(#search)');
    if (this.plain) await form.getByRole('button', { name: this.words.search, exact: true }).click();
  }

  async press(name: string) {
    await this.page.getByRole('button', { name, exact: true }).click();
    if (this.plain) await this.page.waitForLoadState();
  }

  /** Presses a button that asks for a confirmation, and confirms. The dialog repeats the name of the `action`. */
  async confirm(name: string, action = name) {
    await this.press(name);
    await this.dialog.getByRole('button', { name: action, exact: true }).click();
  }

  /** Opens the menu of a member on the page of a group. */
  async openActionsOf(name: string) {
    await this.main.getByLabel(filled(this.words.groups.member_actions, { name })).click();
  }

  /** Presses a choice in the settings and waits until the server has stored it. */
  async choose(setting: string, name: string) {
    const stored = this.page.waitForResponse((answer) => answer.url().endsWith(`/fn/set_${setting}`));
    await this.press(name);
    await stored;
  }

  /** Presses an action of a message: in its menu, or without JavaScript on the page of its actions. */
  async act(text: string, name: string) {
    await this.openMenu(text);
    await this.menu.getByRole('button', { name, exact: true }).click();
  }

  /** Opens the menu of a message by a right click, or without JavaScript by its link. */
  async openMenu(text: string) {
    const message = this.message(text);
    if (this.plain) await message.getByRole('link', { name: this.words.chat.actions }).click();
    else await message.click({ button: 'right' });
  }

  /** The open menu of a message. */
  get menu(): Locator {
    return this.page.getByRole('dialog', { name: this.words.chat.actions });
  }

  /** The open modal dialog. */
  get dialog(): Locator {
    return this.page.getByRole('dialog');
  }

  async react(chat: string, no: number, emoji: string) {
    const path = `/api/v1/chats/${chat}/messages/${no}/reactions/${encodeURIComponent(emoji)}`;
    const answer = await this.page.request.put(this.server + path, { headers: this.origin() });
    expect(answer.ok(), `${path}: ${await answer.text()}`).toBe(true);
  }

  /** Moves the read mark of a chat. */
  async read(chat: string, no: number) {
    const path = `/api/v1/chats/${chat}/read`;
    const answer = await this.page.request.post(this.server + path, { data: { no }, headers: this.origin() });
    expect(answer.ok(), `${path}: ${await answer.text()}`).toBe(true);
  }

  /** The server's summary of a chat for this user. */
  async summary(chat: string) {
    return this.get(`/api/v1/chats/${chat}`);
  }

  /** Opens a chat by client-side navigation. */
  async goTo(chat: string) {
    await this.page.evaluate((chat) => {
      const link = Object.assign(document.createElement('a'), { href: `/chats/${chat}` });
      document.body.append(link);
      link.click();
      link.remove();
    }, chat);
    await expect(this.page).toHaveURL(`/chats/${chat}`);
    await expect(this.composer).toBeVisible();
  }

  /** Changes the user's own state of a chat: pinned, muted, draft and so on. */
  async update(chat: string, state: object) {
    const path = `/api/v1/chats/${chat}/me`;
    const answer = await this.page.request.patch(this.server + path, { data: state, headers: this.origin() });
    expect(answer.ok(), `${path}: ${await answer.text()}`).toBe(true);
  }

  // Parts of the page.

  get composer(): Locator {
    return this.page.getByRole('textbox', { name: this.words.chat.message, exact: true });
  }

  get timeline(): Locator {
    return this.page.getByRole('log', { name: this.words.chat.messages });
  }

  get main(): Locator {
    return this.page.getByRole('main');
  }

  get list(): Locator {
    return this.page.getByRole('navigation', { name: this.words.chat.chats, exact: true });
  }

  /** A message by its text. */
  message(text: string): Locator {
    return this.timeline.getByRole('article').filter({ hasText: text });
  }

  /** A chat's row in the list. */
  row(title: string): Locator {
    return this.list.getByRole('link').filter({ hasText: title });
  }

  field(label: string): Locator {
    return this.page.getByLabel(label, { exact: true });
  }
}
