import { expect, hydrated, test, wordsOf, type Page } from '../support/messenger';
import { expectedOf } from '../support/person';

const names = { en: 'English', ru: 'Русский' };

test('a chosen language stays after a reload', async ({ person, plain, language }) => {
  const ann = await person('Ann');
  const other = language === 'en' ? 'ru' : 'en';
  await ann.open('/settings/language');
  await expect(ann.page.locator('html')).toHaveAttribute('lang', language);
  const page = await mark(ann.page);
  await choose(ann.page, names[other]);
  await expect(ann.page.locator('html')).toHaveAttribute('lang', other);
  await expect(ann.page.getByRole('heading', { name: wordsOf[other].settings.language })).toBeVisible();
  await expect(ann.page).toHaveTitle(new RegExp(wordsOf[other].settings.language));
  await expect(ann.page.getByRole('button', { name: names[other] })).toHaveAttribute('aria-pressed', 'true');
  if (!plain) await page.isTheSame();

  await ann.open('/chats');
  await expect(ann.page.getByRole('heading', { name: wordsOf[other].chat.chats }).first()).toBeVisible();
});

test('the language can be chosen before signing in', async ({ browserOf, language }) => {
  const page = await browserOf();
  const other = language === 'en' ? 'ru' : 'en';
  await page.goto('/login');
  await choose(page, names[other]);
  await expect(page.getByRole('heading', { name: wordsOf[other].auth.welcome })).toBeVisible();
  await page.goto('/register');
  await expect(page.getByRole('heading', { name: wordsOf[other].auth.join })).toBeVisible();
});

test('a chosen theme stays after a reload', async ({ person, words }) => {
  const ann = await person('Ann');
  await ann.open('/settings/appearance');
  await expect.poll(() => paper(ann.page)).toBe('light');
  await choose(ann.page, words.settings.dark);
  await expect(ann.page.locator('html')).toHaveAttribute('data-theme', 'dark');
  await expect(ann.page.getByRole('button', { name: words.settings.dark })).toHaveAttribute('aria-pressed', 'true');
  await expect.poll(() => paper(ann.page)).toBe('dark');
  await ann.open('/chats');
  await expect.poll(() => paper(ann.page)).toBe('dark');

  await ann.open('/settings/appearance');
  await choose(ann.page, words.settings.system);
  await expect(ann.page.locator('html')).not.toHaveAttribute('data-theme');
  await ann.page.emulateMedia({ colorScheme: 'dark' });
  await expect.poll(() => paper(ann.page)).toBe('dark');
  await ann.page.emulateMedia({ colorScheme: 'light' });
  await expect.poll(() => paper(ann.page)).toBe('light');
});

test('language and theme follow the account to another browser', async ({ browserOf, person, words, language }) => {
  const ann = await person('Ann');
  const other = language === 'en' ? 'ru' : 'en';
  await ann.open('/settings/appearance');
  await choose(ann.page, words.settings.dark);
  await expect(ann.page.locator('html')).toHaveAttribute('data-theme', 'dark');
  await ann.open('/settings/language');
  await choose(ann.page, names[other]);
  await expect(ann.page.locator('html')).toHaveAttribute('lang', other);
  const elsewhere = await browserOf();
  await ann.signIn(elsewhere);
  await expect(elsewhere).toHaveURL('/chats');
  await expect(elsewhere.locator('html')).toHaveAttribute('lang', other);
  await expect(elsewhere.locator('html')).toHaveAttribute('data-theme', 'dark');
});

test('a setting that could not be stored reverts and says so', { tag: '@script' }, async ({ person, wire, words }) => {
  const ann = await person('Ann', { baseURL: wire.url });
  await ann.open('/settings/appearance');
  ann.expects(/WebSocket|ERR_/);
  wire.cut();
  const pressed = (name: string) => ann.page.getByRole('button', { name, exact: true, pressed: true });
  await ann.press(words.settings.dark);
  await expect(ann.page.getByText(words.notices.away)).toBeVisible();
  await expect(ann.page.locator('html')).not.toHaveAttribute('data-theme');
  await expect(pressed(words.settings.dark)).toHaveCount(0);
  await expect(pressed(words.settings.system)).toBeVisible();
});

test('a language that could not be stored is not chosen', { tag: '@script' }, async ({ browserOf, wire, words, language }) => {
  const page = await browserOf({ baseURL: wire.url });
  const other = language === 'en' ? 'ru' : 'en';
  expectedOf.set(page, [/ERR_/]);
  await page.goto('/login');
  await hydrated(page);
  wire.cut();
  await page.getByRole('button', { name: names[other] }).click();
  await expect(page.getByRole('alert').filter({ hasText: words.trouble.unreachable })).toBeVisible();
  await expect(page.locator('html')).toHaveAttribute('lang', language);
  await expect(page.getByRole('button', { name: names[language], pressed: true })).toBeVisible();
});

test('other tabs show changes to the account', { tag: '@script' }, async ({ browserOf, person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const tab = ann.inTab(await ann.page.context().newPage());
  const chosen = (name: string) => tab.page.getByRole('button', { name, exact: true, pressed: true });

  await tab.open('/settings/privacy');
  await ann.open('/settings/privacy');
  await ann.choose('last_seen', words.settings.nobody);
  await expect(chosen(words.settings.nobody)).toBeVisible();
  await ann.open(`/users/@${bob.username}`);
  await ann.confirm(words.profiles.block);
  await expect(tab.page.getByRole('listitem').getByText('Bob', { exact: true })).toBeVisible();

  await tab.open('/settings/profile');
  await ann.open('/settings/profile');
  await ann.field(words.auth.display_name).fill('Anna');
  await ann.press(words.save);
  await expect(tab.field(words.auth.display_name)).toHaveValue('Anna');
  // Saving another field there does not revert the name.
  await tab.field(words.profiles.bio).fill('On the road.');
  await tab.press(words.save);
  await expect(ann.field(words.profiles.bio)).toHaveValue('On the road.');
  await ann.page.reload();
  await expect(ann.field(words.auth.display_name)).toHaveValue('Anna');

  await ann.signIn(await browserOf());
  await tab.open('/settings/sessions');
  await ann.open('/settings/sessions');
  const ends = tab.page.getByRole('button', { name: words.auth.end_session });
  await expect(ends).toHaveCount(1);
  await ann.confirm(words.auth.end_session);
  await expect(ends).toHaveCount(0);
});

/** Presses a choice and waits until the server has stored it; a live page does not wait for that. */
async function choose(page: Page, name: string) {
  const remembered = page.waitForResponse((answer) => answer.url().includes('/fn/set_'));
  await page.getByRole('button', { name, exact: true }).click();
  await remembered;
}

/** Marks a page, to check later that it was not reloaded. */
async function mark(page: Page) {
  await page.evaluate(() => Object.assign(window, { marked: true }));
  return { isTheSame: async () => expect(await page.evaluate(() => 'marked' in window)).toBe(true) };
}

/** The page's background: light, dark, or nothing while its styles are loading. */
async function paper(page: Page) {
  const colour = await page.locator('body').evaluate((body) => getComputedStyle(body).backgroundColor);
  const [red, green, blue, opacity = 1] = colour.match(/[\d.]+/g)!.map(Number);
  if (opacity === 0) return 'nothing';
  return red + green + blue < 3 * 128 ? 'dark' : 'light';
}

test('a phone shows the list of the settings, then a page', async ({ person, words }) => {
  const ann = await person('Ann');
  await ann.open('/settings');
  const list = ann.main.getByRole('navigation', { name: words.settings.title });
  await list.getByRole('link', { name: words.settings.appearance }).click();
  await expect(ann.page).toHaveURL('/settings/appearance');
  await expect(ann.main.getByRole('button', { name: words.settings.dark })).toBeVisible();
  if (await ann.list.isVisible()) return expect(list).toBeVisible();
  await expect(list).toBeHidden();
  await ann.main.getByRole('link', { name: words.back }).click();
  await expect(list).toBeVisible();
  await expect(ann.main.getByRole('button', { name: words.settings.dark })).toHaveCount(0);
});

test('small text keeps the letters of fields at 16 pixels', async ({ person, words }) => {
  const ann = await person('Ann');
  await ann.open('/settings/appearance');
  await choose(ann.page, words.settings.small);
  await expect(ann.page.locator('html')).toHaveAttribute('data-text', 'small');
  for (const [path, field] of [['/settings/profile', '.input'], [`/chats/${await ann.savedChat()}`, '.composer-input']]) {
    await ann.open(path);
    await expect(ann.main.locator(field).first()).toHaveCSS('font-size', '16px');
  }
});
