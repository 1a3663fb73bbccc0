import type { Response } from '@playwright/test';
import { expect, test, type Person, type Words } from '../support/messenger';

const ZONES = ['Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'America/Sao_Paulo', 'Australia/Lord_Howe'];

/** The time of day of a message in the page of a person, and the last day separator. */
const shown = async (person: Person) => ({
  time: await person.timeline.locator('time').last().innerText(),
  day: await person.timeline.locator('.day').last().innerText(),
});

/** `14:05` in a zone. */
function clock(at: string, timeZone: string) {
  return new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit' }).format(new Date(at));
}

/** The time of the last message of a chat. */
async function sentAt(person: Person, chat: string): Promise<string> {
  return (await person.summary(chat)).last_message.created_at;
}

test.describe('times', { tag: '@script' }, () => {
  for (const timezoneId of ZONES) {
    test(`the server and the browser have the same rules for ${timezoneId}`, { tag: '@once' }, async ({ person }) => {
      const ann = await person('Ann', { timezoneId });
      // The first page names the zone in a cookie.
      await ann.open('/chats');
      const html = await (await ann.open('/chats'))!.text();
      const offsets = JSON.parse(html.match(/offsets\\*":(\[\[[^"]*?\]\])/)![1]) as [number, number][];
      const differing = await ann.page.evaluate((offsets) => {
        const server = (at: number) => (offsets.filter(([from]) => from <= at).pop() ?? offsets[0])[1];
        const times = offsets.flatMap(([from]) => [from - 1, from]).slice(1);
        for (let at = offsets[0][0]; at < Date.now(); at += 3_600_000) times.push(at);
        return times.filter((at) => server(at) !== -new Date(at).getTimezoneOffset()).map((at) => new Date(at).toISOString());
      }, offsets);
      expect(differing).toEqual([]);
      expect(offsets.length).toBeGreaterThan(timezoneId === 'Asia/Kathmandu' ? 0 : 9);
    });
  }

  test('the first page of a new browser is corrected without a jump', async ({ person }) => {
    const timezoneId = 'Asia/Kathmandu';
    const [ann, bob] = [await person('Ann', { timezoneId }), await person('Bob')];
    const chat = await bob.directWith(ann);
    for (let n = 1; n <= 30; n++) await bob.say(chat, `Line ${n}.`);
    const at = await sentAt(ann, chat);
    await ann.page.addInitScript(() => {
      Object.assign(window, { shifts: 0 });
      const add = (list: PerformanceObserverEntryList) => (shifts += list.getEntries().reduce((sum, { value }: any) => sum + value, 0));
      new PerformanceObserver(add).observe({ type: 'layout-shift', buffered: true });
    });
    const drawn = () => ann.page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
    const html = async (answer: Response | null) => (await answer!.text()).replaceAll('<!>', '');
    // The page is drawn before its front end runs.
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    await ann.page.route(/messenger\.wasm/, async (route) => {
      await held;
      await route.continue();
    });
    const first = await ann.page.goto(`/chats/${chat}`, { waitUntil: 'domcontentloaded' });
    expect(await html(first), 'the zone is not known yet').toContain(`>${clock(at, 'UTC')}</time>`);
    await drawn();
    await ann.page.evaluate(() => (shifts = 0));
    release();
    await expect(ann.timeline.locator('time').last()).toHaveText(clock(at, timezoneId));
    await drawn();
    expect(await ann.page.evaluate(() => shifts)).toBeLessThan(0.01);
    expect(await html(await ann.open(`/chats/${chat}`))).toContain(`>${clock(at, timezoneId)}</time>`);
  });

  test('a message of winter has its own time in summer, on a page open across the change and on a new one', async ({ person }) => {
    const timezoneId = 'Europe/Berlin';
    const [ann, bob] = [await person('Ann', { timezoneId }), await person('Bob')];
    const chat = await bob.directWith(ann);
    await bob.say(chat, 'In winter');
    const at = await sentAt(ann, chat);
    // The clock of the browser says when clocks change, whatever the day of the test.
    const year = new Date(at).getUTCFullYear() + 1;
    const winter = new Date(Date.UTC(year, 0, 15, 12));
    const isWinter = clock(at, timezoneId) === clock(at, 'Etc/GMT-1');
    await ann.page.clock.install({ time: isWinter ? winter : new Date(Date.UTC(year, 6, 15, 12)) });
    await ann.open(`/chats/${chat}`);
    const { time, day } = await shown(ann);
    expect(time).toBe(clock(at, timezoneId));
    await ann.page.clock.fastForward(182 * 24 * 3_600_000);
    expect(await shown(ann)).toEqual({ time, day });
    await ann.open(`/chats/${chat}`);
    expect(await shown(ann)).toEqual({ time, day });
  });

  test('"Today" and short times follow the clock of an open page', async ({ person, words }) => {
    const [ann, bob] = [await person('Ann', { timezoneId: 'Asia/Kathmandu' }), await person('Bob')];
    const chat = await bob.directWith(ann);
    await bob.say(chat, 'Hello');
    const at = new Date(await sentAt(ann, chat));
    await ann.page.clock.install({ time: at });
    await ann.open('/chats');
    const row = ann.row('Bob');
    const time = clock(at.toISOString(), 'Asia/Kathmandu');
    await expect(row).toContainText(time);
    // To the last minute before midnight in Kathmandu, which is 5:45 ahead of UTC, and over it.
    const midnight = Math.ceil((at.getTime() + 345 * 60_000) / 86_400_000) * 86_400_000 - 345 * 60_000;
    await ann.page.clock.fastForward(Math.max(1, midnight - at.getTime() - 60_000));
    await expect(row).toContainText(time);
    await ann.page.clock.fastForward(75_000);
    await expect(row).not.toContainText(time);
    await expect(row).toContainText(short(at, words));
    await ann.goTo(chat);
    await expect(ann.timeline.locator('.day')).toHaveText(words.yesterday);
    await ann.page.clock.fastForward(5 * 24 * 3_600_000);
    await expect(ann.timeline.locator('.day')).toHaveText(`${local(at).getUTCDate()} ${month(at, words)} ${local(at).getUTCFullYear()}`);
  });

  test('the separator of today says so', async ({ person, words }) => {
    const ann = await person('Ann');
    const notes = await ann.savedChat();
    await ann.say(notes, 'Milk');
    await ann.open(`/chats/${notes}`);
    await expect(ann.timeline.locator('.day')).toHaveText(words.today);
    await expect(ann.timeline.locator('time')).toHaveAttribute('title', /\d{4}, \d\d:\d\d$/);
  });
});

/** The date in Kathmandu, as the UTC date of another moment. */
const local = (at: Date) => new Date(at.getTime() + 345 * 60_000);

const month = (at: Date, words: Words) => Object.values(words.months)[local(at).getUTCMonth()];

/** `29 Nov`; in the next year `31.12.26`. */
function short(at: Date, words: Words) {
  const [day, of] = [local(at).getUTCDate(), local(at).getUTCMonth() + 1];
  return day === 31 && of === 12 ? `31.12.${local(at).getUTCFullYear() % 100}` : `${day} ${month(at, words).slice(0, 3)}`;
}

declare let shifts: number;
