import AxeBuilder from '@axe-core/playwright';
import type { BrowserContextOptions } from '@playwright/test';
import { expect, Person, test } from '../support/messenger';

test('every view of a conversation passes axe, light and dark', async ({ person }) => {
  test.setTimeout(240_000);
  const { ann, direct, group, inspect } = await rooms(person);
  const views = [
    '',
    '?menu=3',
    '?reply=2',
    '?edit=3',
    '?forward=2,3',
    '?report=2',
    '?reacted=2',
    '?seen=3',
    '?date=2026-01-01',
    '/info',
    `/info?q=${ann.username}`,
  ].map((view) => `/chats/${group}${view}`);
  for (const path of ['/chats', '/chats?filter=archived', `/chats/${direct}`, `/chats/${direct}?before=40`, ...views]) {
    await ann.open(path);
    await inspect(path);
  }
});

test('every other page passes axe, light and dark', async ({ person, words }) => {
  test.setTimeout(240_000);
  const { ann, bob, inspect } = await rooms(person);
  const paths = [
    '/new',
    `/new?q=${bob.username}`,
    '/new?q=nobody-of-this-name-1234567890',
    `/new?kind=group&q=${bob.username}`,
    `/users/@${bob.username}`,
    `/users/@${ann.username}`,
    '/settings',
    '/settings/profile',
    '/settings/security',
    '/settings/sessions',
    '/settings/notifications',
    '/settings/privacy',
    '/settings/appearance',
    '/settings/language',
    '/no/such/page',
  ];
  for (const path of paths) {
    await ann.open(path);
    await inspect(path);
  }
  await ann.open('/settings/profile');
  await ann.field(words.auth.display_name).fill(' ');
  await ann.press(words.save);
  await ann.settled();
  await inspect('a refused form');
});

test('every dialog and menu passes axe, light and dark', { tag: '@script' }, async ({ person, words, language }) => {
  test.setTimeout(240_000);
  const { ann, group, inspect } = await rooms(person);
  await ann.open(`/chats/${group}`);
  await ann.act('Rehearsal', words.chat.react);
  await expect(ann.dialog.getByRole('button').nth(20)).toBeVisible();
  // Two thousand equal buttons would take a minute.
  await ann.dialog.getByRole('searchbox').fill({ en: 'cat', ru: 'кот' }[language]);
  await expect(ann.dialog.getByRole('button').nth(40)).toBeHidden();
  await inspect('the emoji');
  // The first Escape would only empty the search.
  await ann.dialog.getByRole('searchbox').fill('');
  await ann.page.keyboard.press('Escape');
  await ann.act('Rehearsal', words.chat.select);
  await expect(ann.message('Rehearsal')).toHaveAttribute('aria-current', 'true');
  await inspect('some messages chosen');
  await ann.press(words.chat.delete);
  await expect(ann.dialog).toContainText('1');
  await inspect('a confirmation');
  await ann.open(`/chats/${group}`);
  await ann.openMenu('Rehearsal');
  await expect(ann.menu).toBeVisible();
  await inspect('the menu of a message');
  await ann.open('/chats');
  await ann.row('Choir').click({ button: 'right' });
  await expect(ann.dialog).toBeVisible();
  await inspect('the menu of a chat');
  await ann.dialog.getByRole('button', { name: words.chat.mute, exact: true }).click();
  await expect(ann.page.locator('.toast')).toBeVisible();
  await inspect('a toast');
  await ann.open(`/chats/${group}`);
  await ann.page.keyboard.press('Control+k');
  await expect(ann.dialog).toBeVisible();
  await inspect('the chats to jump to');
  await ann.open('/chats');
  await ann.page.keyboard.press('?');
  await expect(ann.dialog).toBeVisible();
  await inspect('the keys');
  await ann.page.keyboard.press('Escape');
  await ann.page.getByRole('button', { name: words.auth.account }).click();
  await inspect('the account menu');
  await ann.page.setViewportSize({ width: 1440, height: 900 });
  await ann.open(`/chats/${group}`);
  await ann.main.getByRole('link', { name: words.chat.info }).click();
  await expect(ann.page.getByRole('complementary')).toBeVisible();
  await inspect('the info beside the conversation');
  await ann.open(`/chats/${group}`);
  await ann.composer.pressSequentially('@');
  await expect(ann.page.getByRole('option').first()).toBeVisible();
  await inspect('a name being completed');
});

test('every page for visitors without an account passes axe', async ({ browserOf, words, plain }) => {
  const stranger = new Person(await browserOf({ javaScriptEnabled: true }), words, plain, 'Stranger');
  const inspect = await inspector(stranger);
  for (const path of ['/login', '/register', '/settings/language']) {
    await stranger.open(path);
    await inspect(path);
  }
  await stranger.open('/login');
  await stranger.press(words.auth.sign_in);
  await stranger.settled();
  await inspect('a refused sign-in');
});

/** Ann, with a direct chat and a group with Bob that contain every kind of row. */
async function rooms(person: (name: string, options?: BrowserContextOptions) => Promise<Person>) {
  const [ann, bob] = [await person('Ann', { javaScriptEnabled: true }), await person('Bob')];
  const inspect = await inspector(ann);
  const [direct, group] = [await ann.directWith(bob), await ann.groupWith('Choir', [bob])];
  await ann.say(direct, 'Hello');
  for (let n = 1; n < 60; n++) await bob.say(direct, `Answer ${n}`);
  await bob.say(group, 'Rehearsal at **seven**, see https://example.org and `this`\n> said\n```\ncode\n```');
  await ann.say(group, `Thank you @${bob.username}`);
  await ann.react(group, 2, '👍');
  await ann.update(direct, { pinned: true, muted_until: '2099-01-01T00:00:00Z', draft: 'To be' });
  await ann.update(await ann.savedChat(), { marked_unread: true });
  return { ann, bob, inspect, direct, group };
}

/** Checks pages with axe. In a plain browser, JavaScript is on only while axe runs. */
async function inspector({ page, plain }: Person) {
  const devtools = await page.context().newCDPSession(page);
  const letScriptsRun = (allowed: boolean) =>
    devtools.send('Emulation.setScriptExecutionDisabled', { value: !allowed });
  await letScriptsRun(!plain);
  return async (where: string) => {
    await letScriptsRun(true);
    if (plain) await page.evaluate(showWhatIsOnlyWithoutScript);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const axe = new AxeBuilder({ page });
      // The other rules depend on no colour.
      if (colorScheme === 'dark') axe.withRules(['color-contrast', 'link-in-text-block']);
      const { violations } = await axe.analyze();
      const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join('\n  ')}`);
      expect.soft(found, `${where}, ${colorScheme}`).toEqual([]);
    }
    await letScriptsRun(!plain);
  };
}

/** Shows the elements for browsers without JavaScript, which the style sheet hides while scripts run. */
function showWhatIsOnlyWithoutScript() {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync('.only-without-script { display: revert }');
  document.adoptedStyleSheets.push(sheet);
}

test('new messages are announced by one polite region', { tag: '@script' }, async ({ person }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.directWith(bob);
  await ann.say(chat, 'Hello');
  await ann.open(`/chats/${chat}`);
  await bob.say(chat, 'Can you hear me?');
  await expect(ann.main.getByRole('status')).toHaveText('Bob: Can you hear me?');
  await expect(ann.timeline).toHaveAttribute('aria-live', 'off');
});

test('every target is at least 24 pixels', async ({ person }) => {
  const ann = await person('Ann');
  const chat = await ann.groupWith('Choir', []);
  for (const path of [`/chats/${chat}`, `/chats/${chat}/info`, '/new', '/settings/profile']) {
    await ann.open(path);
    for (const target of await ann.page.locator('main').locator('button, input, .button, .icon-button').all()) {
      const box = await target.boundingBox();
      if (box) expect(Math.min(box.width, box.height), `${path}: ${await target.innerHTML()}`).toBeGreaterThanOrEqual(24);
    }
  }
});
