import { expect, filled, test } from '../support/messenger';
import { hostile } from '../support/texts';

test('a reply quotes its message and links to it', async ({ person, words, plain }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.directWith(bob);
  await ann.say(chat, 'Shall we sing on **Friday**?');
  for (let n = 1; n <= 110; n++) await ann.say(chat, `Line ${n}`);
  await bob.open(`/chats/${chat}?at=1`);
  await bob.act('Shall we sing', words.chat.reply);
  await bob.write('On Friday, yes');
  await ann.open(`/chats/${chat}`);
  const answer = ann.message('On Friday, yes');
  // The quote is plain text, without Markdown.
  await expect(answer.locator('.quote')).toContainText('Shall we sing on Friday?');
  await expect(answer.locator('.quote')).toContainText('Ann');
  await expect(ann.message('Line 30')).toHaveCount(0);
  await answer.locator('.quote').click();
  const quoted = ann.message('Shall we sing').first();
  await expect(quoted).toBeInViewport();
  if (!plain) await expect(quoted).toBeFocused();
});

test('the quoted message stays with its draft', { tag: '@script' }, async ({ browserOf, person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.directWith(bob);
  await ann.say(chat, 'Shall we sing?');
  for (let n = 1; n <= 110; n++) await ann.say(chat, `Line ${n}`);
  await bob.say(chat, 'My own');
  await bob.groupWith('Choir', []);
  const { page, composer } = bob;
  const answered = page.locator('.composer .quote');
  const answers = async (text: string) => {
    await bob.open(`/chats/${chat}?at=1`);
    await bob.act('Shall we sing?', words.chat.reply);
    await expect(composer).toBeFocused();
    await composer.pressSequentially(text);
  };
  const again = async (path = `/chats/${chat}`) => {
    await bob.open(path);
    await expect(bob.message('My own')).toBeVisible();
  };
  await answers('Yes');
  await page.keyboard.press('Alt+ArrowUp');
  await expect(page.getByRole('heading', { name: 'Choir' })).toBeVisible();
  await expect(answered).toHaveCount(0);
  await page.keyboard.press('Alt+ArrowDown');
  await expect(answered).toContainText('Shall we sing?');
  await again();
  await expect(answered).toContainText('Shall we sing?');
  // An edit replaces the reply only until it ends.
  await bob.act('My own', words.chat.edit);
  await expect(composer).toHaveValue('My own');
  await composer.press('Escape');
  await expect(composer).toHaveValue('Yes');
  await expect(answered).toContainText('Shall we sing?');
  await composer.press('Enter');
  await expect(bob.message('Yes').locator('.quote')).toContainText('Shall we sing?');
  await again();
  await expect(answered).toHaveCount(0);

  await answers('No');
  await page.locator('.composer').getByRole('link', { name: words.cancel }).click();
  await expect(answered).toHaveCount(0);
  await expect(composer).toBeFocused();
  await again();
  await expect(composer).toHaveValue('No');
  await expect(answered).toHaveCount(0);

  // When another device sends the draft, its quote disappears here too.
  await composer.fill('');
  await answers('Perhaps');
  const second = bob.inTab(await browserOf());
  await second.signIn();
  await second.open(`/chats/${chat}`);
  await expect(second.composer).toHaveValue('Perhaps');
  await bob.timeline.focus();
  await second.composer.press('Enter');
  await expect(composer).toHaveValue('');
  await expect(answered).toHaveCount(0);
  await expect(bob.timeline).toBeFocused();
});

test('a live reply to a message far above shows its quote', async ({ person }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.directWith(bob);
  await ann.say(chat, 'Who brings the **scores**?');
  for (let n = 1; n <= 70; n++) await ann.say(chat, `Line ${n}`);
  await ann.open(`/chats/${chat}`);
  await bob.say(chat, 'I do', 1);
  await ann.looksAgain();
  await expect(ann.message('I do').locator('.quote')).toContainText('Who brings the scores?');
  await expect(ann.message('Line 70')).toBeInViewport();
});

test('an edit reaches everyone and is marked as edited', async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.directWith(bob);
  await ann.say(chat, 'See you at seven');
  await bob.open(`/chats/${chat}`);
  await ann.open(`/chats/${chat}`);
  await ann.act('See you at seven', words.chat.edit);
  await expect(ann.composer).toHaveValue('See you at seven');
  await ann.write('See you at eight');
  await expect(ann.message('See you at eight')).toContainText(words.chat.edited);
  await bob.looksAgain();
  await expect(bob.message('See you at eight')).toContainText(words.chat.edited);
  await expect(bob.timeline.getByRole('article')).toHaveCount(1);
});

test('a deleted message becomes a tombstone for everyone', async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.directWith(bob);
  await ann.say(chat, 'Not for you');
  await bob.open(`/chats/${chat}`);
  await ann.open(`/chats/${chat}`);
  await ann.act('Not for you', words.chat.delete);
  const question = ann.page.getByRole('dialog', { name: filled(words.chat.delete_question, { text: 'Not for you' }) });
  await question.getByRole('button', { name: words.chat.delete }).click();
  await expect(ann.message(words.chat.deleted)).toHaveCount(1);
  await bob.looksAgain();
  await expect(bob.message(words.chat.deleted)).toHaveCount(1);
  await expect(bob.message('Not for you')).toHaveCount(0);
  // A tombstone has no actions.
  await expect(ann.message(words.chat.deleted).getByRole('link', { name: words.chat.actions })).toHaveCount(0);
  if (!ann.plain) {
    await ann.openMenu(words.chat.deleted);
    await expect(ann.menu).toHaveCount(0);
  }
  // Members cannot delete messages of others.
  await ann.say(chat, 'Mine');
  await bob.looksAgain();
  await bob.openMenu('Mine');
  await expect(bob.menu.getByRole('button', { name: words.chat.reply, exact: true })).toBeVisible();
  await expect(bob.menu.getByRole('button', { name: words.chat.delete, exact: true })).toHaveCount(0);
  await expect(bob.menu.getByRole('button', { name: words.chat.edit, exact: true })).toHaveCount(0);
});

test('a message is forwarded to another chat', async ({ person, words, plain }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.directWith(bob);
  await ann.say(chat, 'The address is Long Lane 7');
  await bob.open(`/chats/${chat}`);
  await bob.act('The address', words.chat.forward);
  await bob.dialog.getByRole('button', { name: words.chat.saved }).click();
  if (!plain) {
    await expect(bob.page.getByText(words.notices.forwarded)).toBeVisible();
    await bob.open(`/chats/${await bob.savedChat()}`);
  }
  await expect(bob.message('The address is Long Lane 7')).toContainText(filled(words.chat.forwarded_from, { who: 'Ann' }));
});

test('reactions are added, joined, counted and removed', async ({ person, words, plain }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.directWith(bob);
  const no = await ann.say(chat, 'There is cake');
  await bob.open(`/chats/${chat}`);
  if (plain) {
    await bob.act('There is cake', '👍');
  } else {
    await bob.act('There is cake', words.chat.react);
    await expect(bob.dialog.getByRole('button').nth(9)).toBeVisible();
    await bob.dialog.getByRole('searchbox').fill(words.close === 'Close' ? 'thumbs up' : 'большой палец вверх');
    await bob.dialog.locator('button[value="👍️"], button[value="👍"]').first().click();
  }
  const button = bob.message('There is cake').getByRole('button', { name: /👍/ });
  await expect(button).toHaveText(/1/);
  await expect(button).toHaveAttribute('aria-pressed', 'true');

  await ann.open(`/chats/${chat}`);
  await ann.message('There is cake').getByRole('button', { name: /👍/ }).click();
  await expect(ann.message('There is cake').getByRole('button', { name: /👍/ })).toHaveText(/2/);
  await ann.act('There is cake', words.chat.who_reacted);
  await expect(ann.dialog).toContainText('Ann');
  await expect(ann.dialog).toContainText('Bob');

  await bob.looksAgain();
  await expect(button).toHaveText(/2/);
  await button.click();
  await expect(button).toHaveText(/1/);
  await expect(button).toHaveAttribute('aria-pressed', 'false');
  // The pressed button keeps the focus when its count changes.
  if (!plain) await expect(button).toBeFocused();
  expect(no).toBe(1);
});

test('a mentioned member sees the mention in the list and in the chat', async ({ person, words, plain }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const group = await ann.groupWith('Choir', [bob]);
  await bob.open('/chats');
  await ann.open(`/chats/${group}`);
  if (plain) {
    await ann.write(`Are you coming, @${bob.username}?`);
  } else {
    await ann.composer.pressSequentially('Are you coming, @bob');
    await expect(ann.page.getByRole('option')).toContainText('Bob');
    await ann.composer.press('Enter');
    await expect(ann.composer).toHaveValue(`Are you coming, @${bob.username} `);
    await ann.composer.press('Enter');
  }
  await expect(ann.message('Are you coming').getByRole('link', { name: `@${bob.username}` })).toHaveAttribute('href', `/users/@${bob.username}`);
  await bob.looksAgain();
  await expect(bob.row('Choir')).toContainText(words.chat.mentioned);
  await bob.row('Choir').click();
  await expect(bob.message('Are you coming')).toBeVisible();
});

test('a mention of nobody is no link', async ({ person }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.talkingWith(bob);
  await ann.write(`@${bob.username} and @nobody_of_this_name`);
  const links = ann.message('nobody_of_this_name').locator('a.mention');
  await expect(links).toHaveText([`@${bob.username}`]);
  await ann.open(`/chats/${chat}`);
  await expect(links).toHaveText([`@${bob.username}`]);
});

test('several messages are selected, forwarded and deleted', { tag: '@script' }, async ({ person, words }) => {
  const ann = await person('Ann');
  const chat = await ann.savedChat();
  for (const text of ['One', 'Two', 'Three']) await ann.say(chat, text);
  const other = await ann.groupWith('Choir', []);
  await ann.open(`/chats/${chat}`);
  await ann.act('One', words.chat.select);
  await ann.message('Three').click();
  await expect(ann.page.getByText(filled(words.chat.selected, { count: 2 }))).toBeVisible();
  await ann.press(words.chat.forward);
  await ann.dialog.getByRole('button', { name: 'Choir' }).click();
  await expect(ann.page.getByText(words.notices.forwarded)).toBeVisible();
  await ann.act('One', words.chat.select);
  await ann.message('Two').click();
  await ann.press(words.chat.delete);
  await ann.dialog.getByRole('button', { name: words.chat.delete }).click();
  await expect(ann.message(words.chat.deleted)).toHaveCount(2);
  // Tombstones cannot be selected.
  await ann.act('Three', words.chat.select);
  await ann.message(words.chat.deleted).first().click();
  await expect(ann.page.getByText(filled(words.chat.selected, { count: 1 }))).toBeVisible();
  await ann.page.getByRole('button', { name: words.cancel, exact: true }).click();
  await ann.open(`/chats/${other}`);
  await expect(ann.timeline.locator('.text')).toHaveText(['One', 'Three']);
});

test('Markdown is rendered', async ({ person, words, plain }) => {
  const ann = await person('Ann');
  await ann.open(`/chats/${await ann.savedChat()}`);
  await ann.write('**bold** `code` [a page](https://example.org/x)\n> said\n```\nlet x = 1;\n```');
  const text = ann.message('bold').locator('.text');
  await expect(text.locator('strong')).toHaveText('bold');
  await expect(text.locator('blockquote')).toHaveText('said');
  const link = text.getByRole('link', { name: 'a page' });
  await expect(link).toHaveAttribute('rel', /noopener/);
  await expect(link).toHaveAttribute('target', '_blank');
  await expect(text.locator('pre')).toHaveText('let x = 1;');
  if (plain) return;
  await ann.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await text.locator('.code').hover();
  await text.getByRole('button', { name: words.chat.copy }).click();
  await expect(ann.page.getByText(words.notices.copied)).toBeVisible();
  expect(await ann.page.evaluate(() => navigator.clipboard.readText())).toBe('let x = 1;');
});

test('an edit is saved although a reaction arrives during it', { tag: '@script' }, async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.directWith(bob);
  const no = await ann.say(chat, 'See you at seven');
  await ann.open(`/chats/${chat}`);
  await ann.act('See you at seven', words.chat.edit);
  await bob.react(chat, no, '👍');
  await expect(ann.message('See you at seven').getByRole('button', { name: /👍/ })).toBeVisible();
  await ann.write('See you at eight');
  await expect(ann.message('See you at eight')).toContainText(words.chat.edited);
  await expect(ann.composer).toHaveValue('');
});

test('a long message is folded until the reader unfolds it', { tag: '@script' }, async ({ person, words }) => {
  const ann = await person('Ann');
  const chat = await ann.savedChat();
  await ann.say(chat, Array.from({ length: 60 }, (_, n) => `Line ${n}`).join('\n'));
  await ann.open(`/chats/${chat}`);
  const text = ann.message('Line 1').locator('.text');
  const height = () => text.evaluate((text) => text.getBoundingClientRect().height);
  const folded = await height();
  await ann.message('Line 1').getByRole('button', { name: words.chat.unfold }).click();
  await expect.poll(height).toBeGreaterThan(folded * 2);
});

test('a message is reported to the admins', async ({ person, words, plain }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.directWith(bob);
  await ann.say(chat, 'Something rude');
  await bob.open(`/chats/${chat}`);
  await bob.act('Something rude', words.chat.report);
  await bob.dialog.getByLabel(words.chat.report_reason).fill('It is rude');
  await bob.dialog.getByRole('button', { name: words.chat.report }).click();
  if (plain) await expect(bob.message('Something rude')).toBeVisible();
  else await expect(bob.page.getByText(words.notices.reported)).toBeVisible();
});

test('ArrowUp in an empty composer edits the user\'s last message', { tag: '@script' }, async ({ person, words }) => {
  const ann = await person('Ann');
  await ann.open(`/chats/${await ann.savedChat()}`);
  await ann.write('Buy mlik');
  await expect(ann.message('Buy mlik')).toContainText(words.chat.sent);
  await ann.composer.press('ArrowUp');
  await expect(ann.composer).toHaveValue('Buy mlik');
  await ann.composer.press('Escape');
  await expect(ann.composer).toHaveValue('');
  await ann.composer.press('ArrowUp');
  await ann.write('Buy milk');
  await expect(ann.message('Buy milk')).toContainText(words.chat.edited);
});

test('an edit keeps the draft', { tag: '@script' }, async ({ person, words }) => {
  const ann = await person('Ann');
  const chat = await ann.savedChat();
  await ann.say(chat, 'One');
  await ann.open(`/chats/${chat}`);
  await ann.composer.pressSequentially('Half a thought');
  await ann.act('One', words.chat.edit);
  await expect(ann.composer).toHaveValue('One');
  await ann.composer.pressSequentially(' and a half');
  await ann.composer.press('Enter');
  await expect(ann.message('One and a half')).toContainText(words.chat.edited);
  await expect(ann.composer).toHaveValue('Half a thought');
  await ann.page.reload();
  await expect(ann.composer).toHaveValue('Half a thought');
});

test('hostile texts do not break the page', async ({ person }) => {
  const ann = await person('Ann');
  const chat = await ann.savedChat();
  for (const text of hostile) await ann.say(chat, text);
  await ann.open(`/chats/${chat}`);
  await expect(ann.timeline.getByRole('article')).toHaveCount(hostile.length);
  await expect(ann.timeline.locator('script, [onmouseover], a[href^="javascript"]')).toHaveCount(0);
  const sideways = await ann.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(sideways).toBeLessThanOrEqual(0);
  await ann.write('The page still takes words');
  await expect(ann.message('The page still takes words')).toHaveCount(1);
  await expect(ann.page).not.toHaveTitle(/owned/);
});

test('an emoji is found by its name, in the composer and in the picker', { tag: '@script' }, async ({ person, words, language }) => {
  const ann = await person('Ann');
  await ann.open(`/chats/${await ann.savedChat()}`);
  const name = { en: 'fire', ru: 'огонь' }[language];
  await ann.composer.pressSequentially(`Hot :${name}`);
  await expect(ann.page.getByRole('option').first()).toContainText('🔥');
  await ann.composer.press('Enter');
  await expect(ann.composer).toHaveValue('Hot 🔥 ');
  await ann.press(words.chat.emoji);
  await ann.dialog.getByRole('searchbox').fill(name);
  await ann.dialog.getByRole('button', { name, exact: true }).click();
  // The focus returns to the composer.
  await expect(ann.composer).toBeFocused();
  await expect(ann.composer).toHaveValue('Hot 🔥 🔥');
});
