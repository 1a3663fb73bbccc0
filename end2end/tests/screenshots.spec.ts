import type { BrowserContextOptions } from '@playwright/test';
import { join } from 'node:path';
import { expect, Person, test, wordsOf } from '../support/messenger';

// Pictures of every page in every look, for a human to look at. end2end/screenshots is not in the repository.

const folder = join(__dirname, '../screenshots');
const desktop = { viewport: { width: 1280, height: 800 } };
const wide = { viewport: { width: 1440, height: 900 } };
const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const narrow = { ...phone, viewport: { width: 320, height: 640 } };
const dark = { colorScheme: 'dark' as const };
const plain = { javaScriptEnabled: false };
const russian = { locale: 'ru-RU' };

type Looks = Record<string, BrowserContextOptions>;
type BrowserOf = (options?: BrowserContextOptions) => Promise<Person['page']>;
/** The name of each picture, and the address of its page. */
type Pages = Record<string, string>;

const english: Looks = {
  desktop,
  'desktop-dark': { ...desktop, ...dark },
  'desktop-plain': { ...desktop, ...plain },
  wide,
  phone,
  'phone-dark': { ...phone, ...dark },
  'phone-plain': { ...phone, ...plain },
  narrow,
};
const inRussian: Looks = {
  'russian-desktop': { ...desktop, ...russian },
  'russian-phone': { ...phone, ...russian },
  'russian-narrow': { ...narrow, ...russian, ...dark },
};

test('in English', async ({ person, browserOf }) => {
  test.setTimeout(600_000);
  const names = ['Ferry pilot', 'Night baker', 'Cello', 'Bee keeper'];
  const [pilot, baker, cello, keeper] = await Promise.all(names.map((name) => person(name)));
  await introduce(pilot, 'Cellist, slow cyclist, keeper of two cats.');
  await introduce(baker, 'I fix bicycles and break bread.');

  await pilot.say(await pilot.savedChat(), 'Passport is in the blue drawer');
  const band = await keeper.groupWith('String quartet', [pilot, cello]);
  await keeper.say(band, 'Rehearsal moved to Thursday, 19:00. Same room.');
  const bikes = await baker.directWith(pilot);
  await converse(bikes, [
    [baker, 'Your bike is ready. New chain, and I trued the back wheel'],
    [pilot, 'You are a star. What do I owe you?'],
    [baker, 'One loaf of that rye'],
  ]);
  await pilot.say(await pilot.directWith(cello), 'Did the sheet music arrive?');
  const house = await cello.groupWith('Lake house weekend', [pilot, baker, keeper]);
  await converse(house, [
    [cello, 'The house is ours from Friday 16:00 to Sunday noon. There are four beds and one very loud kettle'],
    [cello, 'Who can drive?'],
    [keeper, 'I can take three people and a cello, or five people and no cello'],
    [pilot, 'The cello comes 🎻'],
    [pilot, 'So I am in your car. I will bring breakfast for both days:\n– bread, butter, eggs\n– coffee (a lot)\n– the good jam'],
    [baker, 'I will come by train and cycle the last 12 km. Arriving around seven'],
    [cello, 'In November? In the dark?'],
    [baker, 'I have lights. And soup in a flask'],
    [keeper, 'Forecast says 4 °C and clear, so bring something warm for the jetty. If the ice holds off we can take the boat out on Saturday morning; the neighbour leaves the key under the third flowerpot.'],
    [pilot, 'Third from the left or from the right?'],
    [keeper, 'Yes'],
    [cello, '😂 Perfect. See you all on Friday'],
  ]);

  const last = await baker.say(house, `Yes to **both**, I think. @${pilot.username}, bring the list:\n\`\`\`\nsoup, bread, 4 lamps\n\`\`\``, 2);
  for (const person of [pilot, cello, keeper]) await person.react(house, last, '🎉');
  await cello.react(house, last, '❤️');
  const stops = await baker.groupWith('Stops on the way', [pilot]);
  for (let n = 1; n <= 70; n++) await baker.say(stops, `Stop ${n}: ${n % 3 ? 'tea' : 'a long look at the river'}`);
  const pages = { ...pagesOf(house, last, baker), 'first-unread': `/chats/${stops}` };
  await takeAll(browserOf, pilot, english, pages);

  const viewer = pilot.inTab(await browserOf({ ...wide, storageState: await pilot.page.context().storageState() }));
  await viewer.open(`/chats/${house}`);
  await viewer.main.getByRole('link', { name: viewer.words.chat.info }).click();
  await expect(viewer.page.getByRole('complementary', { name: viewer.words.chat.info })).toBeVisible();
  await take(viewer.page, 'wide-three-panes');
  await viewer.page.getByRole('button', { name: viewer.words.auth.account }).click();
  await take(viewer.page, 'wide-account');
});

test('in Russian', async ({ person, browserOf }) => {
  test.setTimeout(600_000);
  const names = ['Паромщик', 'Ночной пекарь', 'Вторая скрипка'];
  const [pilot, baker, violin] = await Promise.all(names.map((name) => person(name, russian)));
  await pilot.say(await pilot.savedChat(), 'Показания счётчика: 004217');
  await pilot.say(await pilot.directWith(baker), 'Билеты у меня');
  const dacha = await violin.groupWith('Дача в субботу', [pilot, baker]);
  await converse(dacha, [
    [violin, 'Выезжаем в девять от метро. Кто берёт мангал?'],
    [baker, 'Мангал у меня, дров хватит на два вечера'],
    [pilot, 'Я везу пирог с капустой и настольные игры'],
    [violin, 'Тогда с меня чай, яблоки и собака'],
    [baker, 'Собаке тоже пирог'],
  ]);
  const last = await violin.say(dacha, 'И гитара', 5);
  await takeAll(browserOf, pilot, inRussian, pagesOf(dacha, last, baker));
});

test('for visitors without an account', async ({ browserOf }) => {
  test.setTimeout(600_000);
  for (const [look, options] of Object.entries({ ...english, ...inRussian })) {
    const words = look.startsWith('russian') ? wordsOf.ru : wordsOf.en;
    const visitor = new Person(await browserOf(options), words, options.javaScriptEnabled === false, 'Visitor');
    await visitor.page.goto('/login');
    await take(visitor.page, `${look}-login`);
    await visitor.page.goto('/register');
    await visitor.field(words.auth.username).fill('Me & you');
    await visitor.field(words.auth.password).fill('short');
    await visitor.press(words.auth.create_account);
    await expect(visitor.page.getByText(words.problems.too_short)).toBeVisible();
    await take(visitor.page, `${look}-register-refused`);
    await visitor.page.context().close();
  }
});

/** Every page of a user, and the actions of a conversation that have an address. */
function pagesOf(group: string, message: number, other: Person): Pages {
  const chat = `/chats/${group}`;
  const sections = ['profile', 'security', 'sessions', 'notifications', 'privacy', 'appearance', 'language'];
  return {
    chats: '/chats',
    archive: '/chats?filter=archived',
    conversation: chat,
    menu: `${chat}?menu=${message}`,
    reply: `${chat}?reply=${message}`,
    delete: `${chat}?delete=${message}`,
    forward: `${chat}?forward=${message}`,
    reacted: `${chat}?reacted=${message}`,
    info: `${chat}/info`,
    person: `/users/@${other.username}`,
    'new-chat': `/new?q=${other.username}`,
    'new-chat-nobody': '/new?q=nobody-of-this-name-1234567890',
    'new-group': `/new?kind=group&q=${other.username}`,
    settings: '/settings',
    ...Object.fromEntries(sections.map((section) => [section, `/settings/${section}`])),
    'not-found': '/no/such/page',
  };
}

async function introduce(person: Person, bio: string) {
  await person.post('/fn/update_profile', { display_name: person.name, bio });
}

async function converse(chat: string, lines: [Person, string][]) {
  for (const [person, text] of lines) await person.say(chat, text);
}

/** Takes a picture of each of a user's pages in each look. */
async function takeAll(browserOf: BrowserOf, somebody: Person, looks: Looks, pages: Pages) {
  const storageState = await somebody.page.context().storageState();
  for (const [look, options] of Object.entries(looks)) {
    const page = await browserOf({ ...options, storageState });
    const viewer = new Person(page, somebody.words, options.javaScriptEnabled === false, somebody.name);
    for (const [name, path] of Object.entries(pages)) {
      await viewer.open(path);
      await take(page, `${look}-${name}`);
    }
    await page.context().close();
  }
}

async function take(page: Person['page'], name: string) {
  const path = join(folder, `${name}.png`);
  await page.screenshot({ path, animations: 'disabled', scale: 'css' });
}
