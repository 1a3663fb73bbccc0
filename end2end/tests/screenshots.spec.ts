import type { BrowserContextOptions } from '@playwright/test';
import { join } from 'node:path';
import { expect, Person, test, wordsOf } from '../support/messenger';

// Pictures of the main pages, for people to look at: end2end/screenshots is not kept.

const folder = join(__dirname, '../screenshots');
const desktop = { viewport: { width: 1280, height: 800 } };
const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const dark = { colorScheme: 'dark' as const };
const plain = { javaScriptEnabled: false };
const russian = { locale: 'ru-RU' };

type Shot = [name: string, path: string, options: BrowserContextOptions];

test('in English', async ({ person, browserOf }) => {
  const names = ['Maya Lindqvist', 'Tom Okafor', 'Priya Raman', 'Jonas Weber'];
  const [maya, tom, priya, jonas] = await Promise.all(names.map((name) => person(name)));
  await introduce(maya, 'Cellist, slow cyclist, keeper of two cats.\nUsually in Gothenburg.');
  await introduce(tom, 'I fix bicycles and break bread.');

  await maya.say(await maya.savedChat(), 'Passport is in the blue drawer');
  const band = await jonas.groupWith('String quartet', [maya, priya]);
  await jonas.say(band, 'Rehearsal moved to Thursday, 19:00. Same room.');
  const tomAndMaya = await tom.directWith(maya);
  await talk(tomAndMaya, [
    [tom, 'Your bike is ready. New chain, and I trued the back wheel'],
    [maya, 'You are a star. What do I owe you?'],
    [tom, 'One loaf of that rye'],
  ]);
  await maya.say(await maya.directWith(priya), 'Did the sheet music arrive?');
  const house = await priya.groupWith('Lake house weekend', [maya, tom, jonas]);
  await talk(house, [
    [priya, 'The house is ours from Friday 16:00 to Sunday noon. There are four beds and one very loud kettle'],
    [priya, 'Who can drive?'],
    [jonas, 'I can take three people and a cello, or five people and no cello'],
    [maya, 'The cello comes 🎻'],
    [maya, 'So I am in your car, Jonas. I will bring breakfast for both days:\n– bread, butter, eggs\n– coffee (a lot)\n– the good jam'],
    [tom, 'I will come by train and cycle the last 12 km. Arriving around seven'],
    [priya, 'In November? In the dark?'],
    [tom, 'I have lights. And soup in a flask'],
    [jonas, 'Forecast says 4 °C and clear, so bring something warm for the jetty. If the ice holds off we can take the boat out on Saturday morning; the neighbour leaves the key under the third flowerpot.'],
    [maya, 'Third from the left or from the right?'],
    [jonas, 'Yes'],
    [priya, '😂 Perfect. See you all on Friday'],
  ]);

  const pictures = pictureTaker(maya, browserOf);
  await pictures([
    ['desktop-chats', '/chats', desktop],
    ['desktop-conversation', `/chats/${house}`, desktop],
    ['desktop-dark', `/chats/${house}`, { ...desktop, ...dark }],
    ['desktop-plain', `/chats/${house}`, { ...desktop, ...plain }],
    ['desktop-members', `/chats/${house}/info`, desktop],
    ['desktop-new-chat', `/new?q=${tom.username}`, desktop],
    ['desktop-new-group', `/new?kind=group&q=${tom.username}`, desktop],
    ['desktop-person', `/users/@${tom.username}`, desktop],
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
  const names = ['Вера Соколова', 'Илья Громов', 'Тамара Аветисян'];
  const [vera, ilya, tamara] = await Promise.all(names.map((name) => person(name, russian)));
  await vera.say(await vera.savedChat(), 'Показания счётчика: 004217');
  await vera.say(await vera.directWith(ilya), 'Билеты у меня');
  const dacha = await tamara.groupWith('Дача в субботу', [vera, ilya]);
  await talk(dacha, [
    [tamara, 'Выезжаем в девять от метро. Кто берёт мангал?'],
    [ilya, 'Мангал у меня, дров хватит на два вечера'],
    [vera, 'Я везу пирог с капустой и настольные игры'],
    [tamara, 'Тогда с меня чай, яблоки и собака'],
    [ilya, 'Собаке тоже пирог'],
  ]);
  const pictures = pictureTaker(vera, browserOf);
  await pictures([
    ['russian-desktop', `/chats/${dacha}`, { ...desktop, ...russian }],
    ['russian-phone', '/chats', { ...phone, ...russian }],
    ['russian-phone-members', `/chats/${dacha}/info`, { ...phone, ...russian }],
    ['russian-phone-language', '/settings/language', { ...phone, ...russian }],
  ]);
});

test('for strangers', async ({ browserOf }) => {
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

async function talk(chat: string, lines: [Person, string][]) {
  for (const [person, text] of lines) await person.say(chat, text);
}

/** Takes pictures of what somebody sees, each in a browser of its own kind. */
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
