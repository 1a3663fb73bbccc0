import type { BrowserContextOptions } from '@playwright/test';
import { join } from 'node:path';
import { expect, Person, test, wordsOf } from '../support/messenger';

// Pictures of the main pages, for a human to look at. end2end/screenshots is not in the repository.

const folder = join(__dirname, '../screenshots');
const desktop = { viewport: { width: 1280, height: 800 } };
const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const dark = { colorScheme: 'dark' as const };
const plain = { javaScriptEnabled: false };
const russian = { locale: 'ru-RU' };

type Shot = [name: string, path: string, options: BrowserContextOptions];

test('in English', async ({ person, browserOf }) => {
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
  const pictures = pictureTaker(pilot, browserOf);
  await pictures([
    ['desktop-first-unread', `/chats/${stops}`, desktop],
    ['desktop-forward', `/chats/${house}?forward=${last}`, desktop],
    ['desktop-reacted', `/chats/${house}?reacted=${last}`, { ...desktop, ...dark }],
    ['desktop-menu-plain', `/chats/${house}?menu=${last}`, { ...desktop, ...plain }],
    ['desktop-privacy', '/settings/privacy', desktop],
    ['phone-reply', `/chats/${house}?reply=${last}`, phone],
    ['phone-delete', `/chats/${house}?delete=${last}`, { ...phone, ...dark }],
    ['phone-notifications', '/settings/notifications', phone],
    ['phone-first-unread-plain', `/chats/${stops}`, { ...phone, ...dark, ...plain }],
    ['desktop-chats', '/chats', desktop],
    ['desktop-conversation', `/chats/${house}`, desktop],
    ['desktop-dark', `/chats/${house}`, { ...desktop, ...dark }],
    ['desktop-plain', `/chats/${house}`, { ...desktop, ...plain }],
    ['desktop-members', `/chats/${house}/info`, desktop],
    ['desktop-new-chat', `/new?q=${baker.username}`, desktop],
    ['desktop-new-group', `/new?kind=group&q=${baker.username}`, desktop],
    ['desktop-person', `/users/@${baker.username}`, desktop],
    ['desktop-profile', '/settings/profile', desktop],
    ['desktop-security', '/settings/security', desktop],
    ['desktop-nothing-here', '/no/such/page', desktop],
    ['phone-conversation', `/chats/${house}`, phone],
    ['phone-dark', `/chats/${house}`, { ...phone, ...dark }],
    ['phone-chats', '/chats', phone],
    ['phone-plain', `/chats/${house}`, { ...phone, ...plain }],
    ['phone-members', `/chats/${house}/info`, phone],
    ['phone-appearance', '/settings/appearance', phone],
    ['phone-profile-dark', '/settings/profile', { ...phone, ...dark }],
  ]);
});

test('in Russian', async ({ person, browserOf }) => {
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
  const pictures = pictureTaker(pilot, browserOf);
  await pictures([
    ['russian-desktop', `/chats/${dacha}`, { ...desktop, ...russian }],
    ['russian-phone', '/chats', { ...phone, ...russian }],
    ['russian-phone-members', `/chats/${dacha}/info`, { ...phone, ...russian }],
    ['russian-phone-language', '/settings/language', { ...phone, ...russian }],
  ]);
});

test('for visitors without an account', async ({ browserOf }) => {
  const stranger = new Person(await browserOf(desktop), wordsOf.en, false, 'Stranger');
  await stranger.open('/login');
  await take(stranger.page, 'desktop-login');
  const visitor = new Person(await browserOf({ ...phone, ...plain }), wordsOf.en, true, 'Visitor');
  await visitor.open('/register');
  await visitor.field(visitor.words.auth.username).fill('Me & you');
  await visitor.field(visitor.words.auth.password).fill('short');
  await visitor.press(visitor.words.auth.create_account);
  await expect(visitor.page.getByText(visitor.words.problems.too_short)).toBeVisible();
  await take(visitor.page, 'phone-register-refused');
});

async function introduce(person: Person, bio: string) {
  await person.post('/fn/update_profile', { display_name: person.name, bio });
}

async function converse(chat: string, lines: [Person, string][]) {
  for (const [person, text] of lines) await person.say(chat, text);
}

/** Takes pictures of a user's pages, each in a browser with its own size and theme. */
function pictureTaker(somebody: Person, browserOf: (options: BrowserContextOptions) => Promise<Person['page']>) {
  return async (shots: Shot[]) => {
    const storageState = await somebody.page.context().storageState();
    for (const [name, path, options] of shots) {
      const page = await browserOf({ ...options, storageState });
      const viewer = new Person(page, somebody.words, options.javaScriptEnabled === false, somebody.name);
      await viewer.open(path);
      await take(page, name);
      await page.context().close();
    }
  };
}

async function take(page: Person['page'], name: string) {
  const path = join(folder, `${name}.png`);
  await page.screenshot({ path, animations: 'disabled', scale: 'css' });
}
