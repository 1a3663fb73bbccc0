import { expect, test, type Person } from '../support/messenger';

const lost = /WebSocket|ERR_(CONNECTION|EMPTY|INTERNET|FAILED)|Failed to (load|fetch)/i;
const draftOf = (person: Person, chat: string) => async () => (await person.summary(chat)).draft;

test.describe('completion', { tag: '@script' }, () => {
  test('replaces only its word, closes when the cursor leaves it, and can be undone', async ({ person }) => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    await ann.open(`/chats/${await ann.groupWith('Choir', [bob])}`);
    const { composer, page } = ann;
    await composer.fill('привет');
    await composer.press('Home');
    await composer.pressSequentially('@bob');
    await expect(page.getByRole('option')).toContainText('Bob');
    await composer.press('ArrowRight');
    await expect(page.getByRole('option')).toHaveCount(0);
    await composer.press('Tab');
    await expect(composer).toHaveValue('@bobпривет');

    await composer.focus();
    await composer.press('Home');
    for (const key of ['ArrowRight', 'ArrowRight', 'ArrowRight', 'ArrowRight', 'Backspace', 'b']) await composer.press(key);
    await expect(page.getByRole('option')).toContainText('Bob');
    await composer.press('Tab');
    await expect(composer).toHaveValue(`@${bob.username} привет`);
    await composer.press('ControlOrMeta+z');
    await expect(composer).toHaveValue('@bobпривет');
  });

  test('leaves Enter to words that may be meant as they are', async ({ person, language }) => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    await ann.open(`/chats/${await ann.groupWith('Choir', [bob])}`);
    const { composer, page } = ann;
    // The table of emoji is loaded.
    await composer.pressSequentially({ en: ':fire', ru: ':огонь' }[language]);
    await expect(page.getByRole('option').first()).toContainText('🔥');
    await composer.fill('');
    const texts = ['Write to me @', `Ask @${bob.username}`, 'We meet at :10', 'Say :ru'];
    if (language === 'en') texts.push('Say :no');
    for (const text of texts) {
      await composer.pressSequentially(text);
      await expect(page.getByRole('option').first()).toBeVisible();
      await composer.press('Enter');
      await expect(composer).toHaveValue('');
    }
    await expect(ann.timeline.locator('.text')).toHaveText(texts);

    // The arrow keys choose; Shift+Enter breaks the line.
    await composer.pressSequentially('And @');
    await expect(page.getByRole('option')).toContainText('Bob');
    await composer.press('ArrowDown');
    await composer.press('Enter');
    await expect(composer).toHaveValue(`And @${bob.username} `);
    await composer.pressSequentially('@bob');
    await expect(page.getByRole('option')).toContainText('Bob');
    await composer.press('Shift+Enter');
    await expect(composer).toHaveValue(`And @${bob.username} @bob\n`);
  });
});

test('the Enter of an input method does not send, save or pick', { tag: '@script' }, async ({ person }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  await ann.open(`/chats/${await ann.groupWith('Choir', [bob])}`);
  const { composer, page } = ann;
  const devtools = await page.context().newCDPSession(page);
  await composer.focus();
  await devtools.send('Input.imeSetComposition', { text: 'にほん', selectionStart: 3, selectionEnd: 3 });
  await composer.dispatchEvent('keydown', { key: 'Enter', keyCode: 229, isComposing: true, bubbles: true, cancelable: true });
  await devtools.send('Input.insertText', { text: '日本' });
  await expect(composer).toHaveValue('日本');
  // Safari ends the composition before it sends the key.
  const enter = () => composer.dispatchEvent('keydown', { key: 'Enter', keyCode: 229, bubbles: true, cancelable: true });
  await enter();
  await composer.pressSequentially(' @bob');
  await expect(page.getByRole('option')).toContainText('Bob');
  await enter();
  await expect(composer).toHaveValue('日本 @bob');
  await composer.press('Escape');
  await composer.press('Enter');
  await expect(ann.timeline.locator('.text')).toHaveText(['日本 @bob']);
  await composer.press('ArrowUp');
  await composer.fill('日本');
  await enter();
  await expect(composer).toHaveValue('日本');
  await composer.press('Enter');
  await expect(ann.timeline.locator('.text')).toHaveText(['日本']);
});

test('the composer grows to eight lines in every browser', { tag: '@script' }, async ({ person }) => {
  const ann = await person('Ann');
  await ann.open(`/chats/${await ann.savedChat()}`);
  // Firefox and Safari do not know `field-sizing`.
  await ann.composer.evaluate((field) => field.style.setProperty('field-sizing', 'fixed', 'important'));
  const height = async (lines: number) => {
    await ann.composer.fill(Array.from({ length: lines }, (_, n) => `Line ${n + 1}`).join('\n'));
    return ann.composer.evaluate((field) => field.getBoundingClientRect().height);
  };
  const [one, three, eight, twelve] = [await height(1), await height(3), await height(8), await height(12)];
  const line = (eight - three) / 5;
  expect(line).toBeGreaterThan(15);
  expect(three - one).toBeGreaterThan(line);
  expect(twelve).toBe(eight);
  await ann.composer.press('Enter');
  await expect.poll(() => ann.composer.evaluate((field) => field.getBoundingClientRect().height)).toBe(one);
});

test('the characters left are shown before the limit, and those beyond it', { tag: '@script' }, async ({ person, words }) => {
  const ann = await person('Ann');
  await ann.open(`/chats/${await ann.savedChat()}`);
  const says = (text: string, count: number) => ann.main.getByText(text.replace('{{ count }}', String(count)), { exact: true });
  await ann.composer.fill('x'.repeat(7_799));
  await expect(ann.main.locator('#characters')).toHaveCount(0);
  await ann.composer.fill('👍🏽'.repeat(3_950));
  await expect(says(words.chat.characters_left, 100)).toBeVisible();
  await ann.composer.fill('x'.repeat(8_012) + '\n');
  await expect(says(words.chat.characters_over, 12)).toBeVisible();
  await expect(ann.main.getByRole('alert')).toHaveText(words.chat.cannot_send);
  await ann.composer.press('Enter');
  await expect(ann.timeline.getByRole('article')).toHaveCount(0);
  await ann.composer.fill('x'.repeat(8_000));
  await expect(ann.main.getByRole('alert')).toHaveCount(0);
  await ann.composer.press('Enter');
  await expect(ann.timeline.getByRole('article')).toHaveCount(1);
  await expect(ann.main.locator('#characters')).toHaveCount(0);
});

test('on a touch screen Enter breaks the line and the button sends', { tag: '@script' }, async ({ person, words }) => {
  const ann = await person('Ann', { hasTouch: true, isMobile: true });
  await ann.open(`/chats/${await ann.savedChat()}`);
  await expect(ann.composer).toHaveAttribute('enterkeyhint', 'enter');
  await ann.composer.pressSequentially('One');
  await ann.composer.press('Enter');
  await ann.composer.pressSequentially('Two');
  await expect(ann.composer).toHaveValue('One\nTwo');
  await ann.press(words.chat.send);
  await expect(ann.timeline.locator('.text')).toHaveText(['One\nTwo']);
  await ann.composer.pressSequentially('Three');
  await ann.composer.press('Control+Enter');
  await expect(ann.timeline.locator('.text')).toHaveText(['One\nTwo', 'Three']);
});

test('ArrowUp edits the last message that can be edited', { tag: '@script' }, async ({ person, words }) => {
  const ann = await person('Ann');
  const chat = await ann.savedChat();
  await ann.say(chat, 'My own words');
  await ann.open(`/chats/${chat}`);
  await ann.act('My own words', words.chat.forward);
  await ann.dialog.getByRole('button', { name: words.chat.saved }).click();
  await expect(ann.message('My own words')).toHaveCount(2);
  await ann.say(chat, 'Later words');
  await expect(ann.message('Later words')).toBeVisible();
  await ann.composer.press('ArrowUp');
  await expect(ann.composer).toHaveValue('Later words');
  await ann.composer.fill('');
  await ann.composer.press('Enter');
  // A message that is edited to nothing is probably one to delete.
  await ann.menu.getByRole('button', { name: words.chat.delete, exact: true }).click();
  await ann.page.locator('#confirm').getByRole('button', { name: words.chat.delete, exact: true }).click();
  await expect(ann.message(words.chat.deleted)).toHaveCount(1);
  await expect(ann.composer).not.toHaveAttribute('data-editing');
  await ann.composer.press('ArrowUp');
  await ann.write('My new words');
  await expect(ann.timeline.locator('.text')).toHaveText(['My new words', 'My own words', words.chat.deleted]);
});

test('an edit that meets another one is saved at the second attempt; of a deleted message it becomes a draft', { tag: '@script' }, async ({ person, words }) => {
  const ann = await person('Ann');
  const chat = await ann.savedChat();
  await ann.say(chat, 'Seven o’clock');
  await ann.open(`/chats/${chat}`);
  const tab = ann.inTab(await ann.page.context().newPage());
  await tab.open(`/chats/${chat}`);
  for (const { composer } of [ann, tab]) {
    await composer.press('ArrowUp');
    await expect(composer).toHaveValue('Seven o’clock');
  }
  await tab.write('Eight o’clock');
  await expect(ann.message('Eight o’clock')).toBeVisible();
  ann.expects(/409/);
  await ann.write('Nine o’clock');
  await expect(ann.page.getByText(words.refusals.edited)).toBeVisible();
  await expect(ann.composer).toHaveValue('Nine o’clock');
  await ann.composer.press('Enter');
  await expect(tab.message('Nine o’clock')).toBeVisible();

  await ann.composer.fill('To buy: a clock');
  await ann.act('Nine o’clock', words.chat.edit);
  await expect(ann.composer).toHaveValue('Nine o’clock');
  await ann.composer.fill('Ten o’clock');
  await tab.act('Nine o’clock', words.chat.delete);
  await tab.page.locator('#confirm').getByRole('button', { name: words.chat.delete, exact: true }).click();
  await expect(ann.message(words.chat.deleted)).toBeVisible();
  await ann.composer.press('Enter');
  // The draft from before the edit stays too.
  await expect(ann.composer).not.toHaveAttribute('data-editing');
  await expect(ann.composer).toHaveValue('To buy: a clock\nTen o’clock');
  await ann.page.reload();
  await ann.settled();
  await expect(ann.composer).toHaveValue('To buy: a clock\nTen o’clock');
});

test('a text without letters is refused for what it is', { tag: '@plain' }, async ({ person, words }) => {
  const ann = await person('Ann');
  await ann.open(`/chats/${await ann.savedChat()}`);
  await ann.write('\u200b');
  await expect(ann.page.getByRole('alert').filter({ hasText: words.problems.required })).toBeVisible();
  await expect(ann.page.getByText(words.chat.cannot_send)).toHaveCount(0);
});

test.describe('a sent draft does not return', () => {
  test('without JavaScript', { tag: '@plain' }, async ({ person }) => {
    const ann = await person('Ann');
    const chat = await ann.savedChat();
    await ann.update(chat, { draft: 'Half a thought' });
    await ann.open(`/chats/${chat}`);
    await expect(ann.composer).toHaveValue('Half a thought');
    await ann.write('Half a thought and the rest');
    await expect(ann.message('and the rest')).toBeVisible();
    await expect(ann.composer).toHaveValue('');
    expect(await draftOf(ann, chat)()).toBe(null);
  });

  test('when it was sent without a network', { tag: '@script' }, async ({ person, wire, words }) => {
    const ann = await person('Ann', { baseURL: wire.url });
    const chat = await ann.savedChat();
    await ann.open(`/chats/${chat}`);
    ann.expects(lost);
    const send = async (text: string) => {
      await ann.composer.pressSequentially(text);
      await expect.poll(draftOf(ann, chat)).toBe(text);
      wire.cut();
      await ann.composer.pressSequentially('!');
      await ann.composer.press('Enter');
      await expect(ann.message(text)).toContainText(words.chat.sending);
    };
    await send('Sent when the network is back');
    wire.mend();
    await ann.isBackOnline();
    await expect(ann.message('Sent when')).toContainText(words.chat.sent);
    await expect.poll(draftOf(ann, chat)).toBe(null);
    await expect(ann.composer).toHaveValue('');

    // The page that wrote it is closed before the network is back.
    await send('Sent by the next page');
    const id = (await ann.page.evaluate(() => indexedDB.databases()))[0].name as string;
    await expect.poll(() => ann.page.evaluate(countOutbox, id)).toBe(1);
    await ann.page.goto('about:blank');
    wire.mend();
    await ann.open(`/chats/${chat}`);
    await expect(ann.message('Sent by')).toContainText(words.chat.sent);
    await expect(ann.message('Sent by')).toHaveCount(1);
    await expect.poll(draftOf(ann, chat)).toBe(null);
    await expect(ann.composer).toHaveValue('');
  });

  test('when another device sent it while this one had no network', { tag: '@script' }, async ({ browserOf, person, wire }) => {
    const ann = await person('Ann', { baseURL: wire.url });
    const chat = await ann.savedChat();
    await ann.open(`/chats/${chat}`);
    await ann.composer.pressSequentially('On both devices');
    await expect.poll(draftOf(ann, chat)).toBe('On both devices');
    const second = ann.inTab(await browserOf());
    await second.signIn();
    await second.open(`/chats/${chat}`);
    await expect(second.composer).toHaveValue('On both devices');
    ann.expects(lost);
    wire.cut();
    await second.composer.press('Enter');
    await expect(second.message('On both devices')).toBeVisible();
    // This device of the user does not use the wire.
    const draft = async () => (await (await second.page.request.get(`/api/v1/chats/${chat}`)).json()).draft;
    await expect.poll(draft).toBe(null);
    wire.mend();
    await ann.isBackOnline();
    await expect(ann.message('On both devices')).toBeVisible();
    await expect(ann.composer).toHaveValue('');
  });
});

test('a session that is ended while the user types loses no text, and shows it to nobody else', { tag: '@script' }, async ({ browserOf, person }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const group = await ann.groupWith('Choir', [bob]);
  const elsewhere = ann.inTab(await browserOf());
  await elsewhere.signIn();
  await expect(elsewhere.page).toHaveURL('/chats');
  await ann.open(`/chats/${group}`);
  // Without a pause, until the sign-in page is here.
  const typing = ann.composer.pressSequentially('word '.repeat(12), { delay: 200 }).catch(() => {});
  await expect.poll(draftOf(elsewhere, group)).toMatch(/^word /);
  expect(await ann.composer.inputValue(), 'the user is still typing').not.toBe('word '.repeat(12));
  await elsewhere.endOtherSessions();
  await expect(ann.page).toHaveURL(/\/login\?next=/);
  await typing;
  expect(await ann.page.evaluate(() => Object.keys(sessionStorage))).toEqual([]);
  await bob.signIn(ann.page);
  await expect(ann.page).toHaveURL('/chats');
  const next = bob.inTab(ann.page);
  await next.open(`/chats/${group}`);
  await expect(next.composer).toHaveValue('');
  await elsewhere.open(`/chats/${group}`);
  await expect(elsewhere.composer).toHaveValue(/^word /);
});

test('two tabs keep their own texts', { tag: '@script' }, async ({ person, words }) => {
  const ann = await person('Ann');
  const chat = await ann.savedChat();
  await ann.open(`/chats/${chat}`);
  const tab = ann.inTab(await ann.page.context().newPage());
  await tab.open(`/chats/${chat}`);
  // Both tabs have a text before one of them saves it.
  let bothHaveTyped = () => {};
  const typed = new Promise<void>((resolve) => (bothHaveTyped = resolve));
  const saves = [ann, tab].map(async ({ page }) => {
    await page.route('**/fn/keep_draft', async (route) => {
      await typed;
      await route.continue();
    });
    await page.waitForResponse('**/fn/keep_draft');
  });
  await ann.composer.pressSequentially('From one');
  await tab.composer.pressSequentially('From the other');
  bothHaveTyped();
  await Promise.all(saves);

  const stored = await draftOf(ann, chat)();
  const [first, second] = stored === 'From one' ? [tab, ann] : [ann, tab];
  const notice = ({ page }: Person) => page.getByText(words.chat.other_draft);
  await expect(notice(first)).toBeVisible();
  await expect(notice(second)).toHaveCount(0);
  await expect(ann.composer).toHaveValue('From one');
  await expect(tab.composer).toHaveValue('From the other');

  const own = await first.composer.inputValue();
  await first.page.reload();
  await first.settled();
  await expect(first.composer).toHaveValue(own);
  await expect(notice(first)).toBeVisible();
  await first.press(words.chat.show_draft);
  await expect(first.composer).toHaveValue(stored);
  await expect(notice(first)).toHaveCount(0);
  await first.composer.press('ControlOrMeta+z');
  await expect(first.composer).toHaveValue(own);
  // A send in one tab does not remove the text of the other.
  await second.composer.press('Enter');
  await expect(first.message(stored)).toBeVisible();
  await expect(first.composer).toHaveValue(own);
});

test('"typing…" ends when the connection is lost', { tag: '@script' }, async ({ person, wire, words }) => {
  const [ann, bob] = [await person('Ann', { baseURL: wire.url }), await person('Bob')];
  const chat = await bob.directWith(ann);
  await bob.say(chat, 'Hello');
  for (const somebody of [ann, bob]) await somebody.open(`/chats/${chat}`);
  await bob.composer.pressSequentially('I am writing');
  await expect(ann.main.locator('header')).toContainText(words.chat.typing);
  ann.expects(lost);
  wire.cut();
  await expect(ann.main.locator('header')).not.toContainText(words.chat.typing, { timeout: 4_000 });
});

test('a message that waits can be edited and deleted', { tag: '@script' }, async ({ person, wire, words }) => {
  const [ann, bob] = [await person('Ann', { baseURL: wire.url }), await person('Bob')];
  const chat = await ann.directWith(bob);
  await ann.open(`/chats/${chat}`);
  ann.expects(lost);
  wire.cut();
  for (const text of ['Frist', 'Second', 'Third']) await ann.write(text);
  await ann.message('Frist').getByRole('button', { name: words.chat.edit }).click();
  await expect(ann.composer).toHaveValue('Frist');
  await ann.write('First');
  await expect(ann.composer).toHaveValue('');
  await ann.message('Second').getByRole('button', { name: words.chat.delete }).click();
  await ann.composer.press('ArrowUp');
  await expect(ann.composer).toHaveValue('Third');
  await ann.composer.press('Escape');
  await expect(ann.timeline.locator('.text')).toHaveText(['First', 'Third']);
  wire.mend();
  await ann.isBackOnline();
  await bob.open(`/chats/${chat}`);
  for (const { timeline } of [ann, bob]) await expect(timeline.locator('.text')).toHaveText(['First', 'Third']);
  await expect(ann.message('First')).not.toContainText(words.chat.edited);
});

test('an edit of a waiting message is not lost if the server has stored the message', { tag: '@script' }, async ({ person, wire, words }) => {
  const [ann, bob] = [await person('Ann', { baseURL: wire.url }), await person('Bob')];
  const chat = await ann.directWith(bob);
  await ann.say(chat, 'Hello');
  await ann.open(`/chats/${chat}`);
  await bob.open(`/chats/${chat}`);
  ann.expects(lost);
  wire.loseAnswers();
  await ann.write('See you at seven');
  await expect(bob.message('See you at seven')).toBeVisible();
  await ann.composer.press('ArrowUp');
  await expect(ann.composer).toHaveValue('See you at seven');
  await ann.write('See you at eight');
  await expect(ann.message('See you at eight')).toContainText(words.chat.sending);
  wire.cut();
  wire.mend();
  for (const { timeline } of [ann, bob]) {
    await expect(timeline.locator('.text')).toHaveText(['Hello', 'See you at eight']);
    await expect(timeline).toContainText(words.chat.edited);
  }
});

test('the unsent messages of a lost chat can be read, copied and deleted', { tag: '@script' }, async ({ person, wire, words }) => {
  const [ann, bob] = [await person('Ann', { baseURL: wire.url }), await person('Bob')];
  const group = await bob.groupWith('Choir', [ann]);
  await ann.open(`/chats/${group}`);
  ann.expects(lost);
  wire.cut();
  await ann.write('Do not forget\nthe notes');
  await expect(ann.message('Do not forget')).toContainText(words.chat.sending);
  await bob.remove(group, ann);
  wire.mend();
  await ann.isBackOnline();
  const notSent = ann.page.getByRole('region', { name: words.chat.not_sent });
  await expect(notSent).toContainText(words.chat.lost);
  await expect(notSent).toContainText('Do not forget');
  await ann.open('/chats');
  await expect(notSent).toContainText('Do not forget');
  await ann.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await notSent.getByRole('button', { name: words.chat.copy }).click();
  await expect(ann.page.getByText(words.notices.copied)).toBeVisible();
  expect(await ann.page.evaluate(() => navigator.clipboard.readText())).toBe('Do not forget\nthe notes');
  await notSent.getByRole('button', { name: words.chat.delete }).click();
  await expect(notSent).toHaveCount(0);
});

test('the emoji picker shows each emoji once, mounts what is visible, and toggles off', { tag: '@script' }, async ({ person, words }) => {
  const ann = await person('Ann');
  await ann.open(`/chats/${await ann.savedChat()}`);
  const mounted = ann.dialog.locator('.emoji');
  await ann.press(words.chat.emoji);
  await expect(ann.dialog.getByRole('searchbox')).toBeFocused();
  await expect(mounted.nth(20)).toBeVisible();
  expect(await mounted.count()).toBeLessThan(120);
  const all = await ann.dialog.locator('.emoji-grid').evaluate(async (grid) => {
    const found = new Map<string, string | null>();
    for (let before = -1; grid.scrollTop > before; grid.scrollTop += grid.clientHeight / 2) {
      before = grid.scrollTop;
      await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
      await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
      const first = Number(getComputedStyle(grid.firstElementChild as Element).getPropertyValue('--above')) * 8;
      grid.querySelectorAll('.emoji').forEach((emoji, n) => found.set(String(first + n), emoji.getAttribute('value')));
    }
    return [...found.values()];
  });
  expect(all.length).toBeGreaterThan(1_500);
  expect(new Set(all.map((emoji) => emoji?.replaceAll('\uFE0F', ''))).size).toBe(all.length);
  expect(await mounted.count()).toBeLessThan(120);
  await ann.press(words.chat.emoji);
  await expect(ann.dialog).toHaveCount(0);
  await ann.press(words.chat.emoji);
  await ann.dialog.getByRole('searchbox').press('Escape');
  await expect(ann.dialog).toHaveCount(0);
  await expect(ann.composer).toBeFocused();
});

test('the search for emoji ignores case, accents and ё', { tag: '@script' }, async ({ person, words, language }) => {
  const ann = await person('Ann');
  await ann.open(`/chats/${await ann.savedChat()}`);
  await ann.press(words.chat.emoji);
  const queries = { en: [['Pinata', '🪅'], ['piñata', '🪅'], ['HEDGEHOG', '🦔']], ru: [['смеется', '😂'], ['СМЕЁТСЯ', '😂'], ['еж', '🦔'], ['Ёж', '🦔']] };
  for (const [query, emoji] of queries[language]) {
    await ann.dialog.getByRole('searchbox').fill(query);
    await expect(ann.dialog.locator(`.emoji[value="${emoji}"]`)).toBeVisible();
  }
  await ann.dialog.getByRole('searchbox').fill({ en: 'hedgehog', ru: 'ёж' }[language]);
  await ann.dialog.getByRole('searchbox').press('Enter');
  await expect(ann.composer).toHaveValue('🦔');
});

/** The number of rows of the outbox. */
function countOutbox(name: string): Promise<number> {
  return new Promise((resolve) => {
    const opening = indexedDB.open(name);
    opening.onsuccess = () => {
      const counting = opening.result.transaction('outbox').objectStore('outbox').count();
      counting.onsuccess = () => {
        opening.result.close();
        resolve(counting.result);
      };
    };
  });
}
