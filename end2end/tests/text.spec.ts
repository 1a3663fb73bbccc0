import { randomUUID } from 'node:crypto';
import { expect, test } from '../support/messenger';
import type { Locator, Page } from '@playwright/test';

test('a pasted text loses its control characters when it is sent', async ({ person, words }) => {
  const ann = await person('Ann');
  await ann.open(`/chats/${await ann.savedChat()}`);
  await ann.write('one\u000Btwo \u001B[1mжирно\u001B[0m \u0007bell');
  await expect(ann.message('one').locator('.text')).toHaveText('one\ntwo [1mжирно[0m bell');
  await ann.page.reload();
  await expect(ann.message('one').locator('.text')).toHaveText('one\ntwo [1mжирно[0m bell');
  // A name too, with the marks of direction that a list of contacts adds.
  await ann.open('/new?kind=group');
  await ann.field(words.groups.group_name).fill('\u202AХор\u202C \u200BChoir\u000B2');
  await ann.press(words.groups.create_group);
  await expect(ann.page.getByRole('heading', { name: 'Хор Choir 2', exact: true })).toBeVisible();
});

test('the title of the tab keeps its number and a name that looks like one', async ({ person, words, plain }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await bob.directWith(ann);
  const group = await bob.groupWith('(7) Б класс', [ann]);
  await ann.open(`/chats/${group}`);
  await expect(ann.page).toHaveTitle('(7) Б класс · Messenger');
  await bob.say(chat, 'Hello');
  await ann.looksAgain();
  await expect(ann.page).toHaveTitle('(1) (7) Б класс · Messenger');
  // A title that arrives later keeps the number.
  await bob.rename(group, '(8) B & <b>');
  await ann.looksAgain();
  await expect(ann.page).toHaveTitle('(1) (8) B & <b> · Messenger');
  if (!plain) {
    await ann.goTo(await ann.savedChat());
    await expect(ann.page).toHaveTitle(`(1) ${words.chat.saved} · Messenger`);
    await ann.goTo(group);
    await expect(ann.page).toHaveTitle('(1) (8) B & <b> · Messenger');
  }
  await ann.read(chat, 1);
  await ann.looksAgain();
  await expect(ann.page).toHaveTitle('(8) B & <b> · Messenger');
});

test('a preview is the beginning of the shown text, cut between characters', async ({ person, plain }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await bob.directWith(ann);
  const link = `[Смотри](https://example.org/${'p'.repeat(400)})`;
  const family = '👨‍👩‍👧‍👦';
  for (const [text, shown] of [
    [`${link} **потом**`, 'Смотри потом'],
    [`${'а'.repeat(103)} **важно ${family}** ${family}`, `${'а'.repeat(103)} важно ${family}…`],
    [`${'a'.repeat(111)} 🇷🇺🇷🇺🇷🇺🇷🇺🇷🇺`, `${'a'.repeat(111)} 🇷🇺🇷🇺🇷🇺🇷🇺…`],
    [`${'е\u0308'.repeat(100)}`, `${'е\u0308'.repeat(60)}…`],
  ]) {
    const no = await bob.say(chat, text);
    await bob.say(chat, 'An answer', no);
    await ann.open(`/chats/${chat}`);
    await expect(ann.message('An answer').last().locator('.quote-text')).toHaveText(shown);
    await bob.say(chat, text);
    await ann.open('/chats');
    await expect(ann.row('Bob').locator('.chat-row-preview')).toHaveText(shown);
  }
  if (plain) return;
  await ann.open(`/chats/${await ann.savedChat()}`);
  await bob.say(chat, `${'а'.repeat(103)} **важно ${family}** ${family}`);
  await expect(ann.page.locator('.arrival .chat-row-preview')).toHaveText(`${'а'.repeat(103)} важно ${family}…`);
});

test('a name from right to left does not reorder the sentence around it', async ({ person, words }) => {
  const [ann, dana, noam] = [await person('Ann'), await person('דנה'), await person('נועם (1)')];
  const group = await dana.groupWith('קבוצה', [ann, noam]);
  await dana.say(group, 'hello');
  await ann.open('/chats');
  const preview = ann.row('קבוצה').locator('.chat-row-preview');
  await expect(preview).toContainText('hello');
  await inOrder(preview, ['דנה', ': ', 'hello']);

  await dana.remove(group, noam);
  await ann.looksAgain();
  const between = words.events.member_removed.split(/\{\{ \w+ \}\}/)[1].trim();
  await expect(preview).toContainText(between);
  await inOrder(preview, ['דנה', between, 'נועם (1)']);
  await ann.open(`/chats/${group}`);
  const event = ann.timeline.locator('.event p').last();
  await expect(event).toContainText(between);
  await inOrder(event, ['דנה', between, 'נועם (1)']);
});

test('no name, title, quote or event is wider than a narrow page', async ({ person, plain }) => {
  test.setTimeout(120_000);
  const narrow = { viewport: { width: 320, height: 640 } };
  const long = 'Щ'.repeat(64);
  const [ann, bob] = [await person('W'.repeat(64), narrow), await person(long)];
  const direct = await bob.directWith(ann);
  const group = await bob.groupWith('Ж'.repeat(128), [ann]);
  const no = await bob.say(group, `${long} ${'Q'.repeat(300)}`);
  await bob.say(group, `> ${'Q'.repeat(64)}\n\`${'Q'.repeat(64)}\` ${'Ы'.repeat(200)}`, no);
  await bob.rename(group, 'Д'.repeat(128));
  await bob.say(direct, 'x'.repeat(64));
  await ann.say(direct, 'Y'.repeat(64), 1);
  for (const path of [
    '/chats', `/chats/${group}`, `/chats/${group}?reply=${no}`, `/chats/${group}?menu=${no}`, `/chats/${group}?delete=${no}`, `/chats/${group}?forward=${no}`,
    `/chats/${group}/info`, `/chats/${direct}`, `/chats/${direct}/info`, `/users/@${bob.username}`, `/new?q=${bob.username}`, `/new?kind=group&q=${bob.username}`,
    '/settings/profile', '/settings/privacy', '/settings/sessions',
  ]) {
    await ann.open(path);
    expect.soft(await tooWide(ann.page), path).toEqual([]);
  }
  if (plain) return;
  await ann.open(`/chats/${await ann.savedChat()}`);
  await bob.say(direct, `${randomUUID()}${'Z'.repeat(64)}`);
  await expect(ann.page.locator('.arrival')).toBeVisible();
  expect(await tooWide(ann.page)).toEqual([]);
});

test('stacked marks of a name stay in its row', { tag: '@once' }, async ({ person }) => {
  const ann = await person(`З${'\u0336\u0301\u0302\u0303'.repeat(10)}лго`);
  await ann.open('/settings/profile');
  await expect(ann.field(ann.words.auth.display_name)).toHaveValue('З\u0336\u0301\u0302\u0303лго');
});

/** Checks that the pieces of a line are drawn from left to right. */
async function inOrder(line: Locator, pieces: string[]) {
  const places = await line.evaluate((line, pieces) => {
    const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
    const texts: Text[] = [];
    while (walker.nextNode()) texts.push(walker.currentNode as Text);
    let from = 0;
    return pieces.map((piece) => {
      const node = texts.find((text, index) => index >= from && text.data.includes(piece));
      if (!node) return null;
      from = texts.indexOf(node);
      const range = document.createRange();
      range.setStart(node, node.data.indexOf(piece));
      range.setEnd(node, node.data.indexOf(piece) + piece.length);
      const { left, right } = range.getBoundingClientRect();
      return [left, right];
    });
  }, pieces);
  for (const [index, place] of places.entries()) {
    expect(place, pieces[index]).not.toBeNull();
    if (index) expect(place![0], pieces.slice(index - 1, index + 1).join(' before ')).toBeGreaterThanOrEqual(places[index - 1]![1] - 1);
  }
}

/** The visible elements that are drawn beyond the right edge of the page, outside of parts that scroll sideways. */
function tooWide(page: Page) {
  return page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    /** Whether an ancestor within the page cuts the element off without scrolling sideways, or is code, which may scroll. */
    const clipped = (element: Element | null): boolean => {
      if (!element) return false;
      const cuts = getComputedStyle(element).overflowX !== 'visible' && element.getBoundingClientRect().right <= width + 0.5;
      const scrolls = getComputedStyle(element).overflowX !== 'hidden' && element.scrollWidth > element.clientWidth && !element.matches('pre');
      return cuts ? !scrolls : clipped(element.parentElement);
    };
    const all = [...document.querySelectorAll('body *')].filter((element) => {
      const { right, width: own, height } = element.getBoundingClientRect();
      return own > 1 && height > 1 && right > width + 0.5 && !clipped(element.parentElement);
    });
    const names = all.map((element) => `${element.tagName.toLowerCase()}.${element.className} ${element.textContent?.slice(0, 20)}`);
    return document.documentElement.scrollWidth > innerWidth ? [`the page: ${document.documentElement.scrollWidth}`, ...names] : names;
  });
}
