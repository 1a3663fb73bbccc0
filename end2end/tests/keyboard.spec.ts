import { expect, test } from '../support/messenger';

test('every action can be reached with the keyboard', { tag: '@script' }, async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const [chat, group] = [await bob.directWith(ann), await bob.groupWith('Choir', [ann])];
  for (const text of ['One', 'Two', 'Three']) await bob.say(chat, text);
  await ann.open('/chats');
  const { keyboard } = ann.page;
  await keyboard.press('?');
  await expect(ann.dialog).toContainText(words.keys.walk);
  await keyboard.press('Escape');
  await expect(ann.dialog).toHaveCount(0);

  await keyboard.press('Control+k');
  await ann.dialog.getByRole('searchbox').pressSequentially('bob');
  await keyboard.press('Enter');
  await expect(ann.page).toHaveURL(`/chats/${chat}`);
  await expect(ann.composer).toBeFocused();
  // Choosing the open chat in the dialog moves the focus to the composer; "/" moves it to the search.
  await ann.timeline.focus();
  await keyboard.press('Control+k');
  await ann.dialog.getByRole('searchbox').pressSequentially('bob');
  await keyboard.press('Enter');
  await expect(ann.composer).toBeFocused();
  await keyboard.press('Alt+ArrowDown');
  await expect(ann.page).toHaveURL(`/chats/${group}`);
  await expect(ann.composer).toBeFocused();
  await keyboard.press('Alt+ArrowUp');
  await expect(ann.page).toHaveURL(`/chats/${chat}`);

  // The newest message is known from the chat list. It keeps the focus while the others load.
  await expect(ann.message('Three')).toBeVisible();
  await ann.timeline.focus();
  await keyboard.press('End');
  await expect(ann.message('Three')).toBeFocused();
  await expect(ann.message('One')).toBeVisible();
  await expect(ann.message('Three')).toBeFocused();
  await keyboard.press('Home');
  await expect(ann.message('One')).toBeFocused();
  await keyboard.press('End');
  await expect(ann.message('Three')).toBeFocused();
  await keyboard.press('ArrowUp');
  await expect(ann.message('Two')).toBeFocused();
  await keyboard.press('Enter');
  await expect(ann.menu.getByRole('button', { name: words.chat.reply, exact: true })).toBeFocused();
  for (let n = 0; n < 3; n++) await keyboard.press('ArrowDown');
  await expect(ann.menu.getByRole('button', { name: words.chat.forward, exact: true })).toBeFocused();
  await keyboard.press('Enter');
  await expect(ann.dialog).toBeVisible();
  await expect(ann.menu).toHaveCount(0);
  await keyboard.press('Escape');
  // The closed dialog returns the focus to the message.
  await expect(ann.message('Two')).toBeFocused();
  await keyboard.press('Escape');
  await expect(ann.composer).toBeFocused();
  await keyboard.press('Escape');
  await ann.timeline.focus();
  await keyboard.press('/');
  await expect(ann.page).toHaveURL('/new');
  await expect(ann.main.getByRole('searchbox')).toBeFocused();
});

test('Home and End go to both ends of a long history', { tag: '@script' }, async ({ person }) => {
  const ann = await person('Ann');
  const chat = await ann.savedChat();
  for (let n = 1; n <= 124; n++) await ann.say(chat, `Line ${n}.`);
  await ann.open(`/chats/${chat}`);
  await expect(ann.message('Line 124.')).toBeInViewport();
  await ann.timeline.focus();
  await ann.page.keyboard.press('Home');
  await expect(ann.message('Line 1.')).toBeFocused();
  await expect(ann.message('Line 1.')).toBeInViewport();
  await ann.page.keyboard.press('End');
  await expect(ann.message('Line 124.')).toBeFocused();
  await expect(ann.message('Line 124.')).toBeInViewport();
});

test('screen readers hear new messages, several at once as a count', { tag: '@script' }, async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.directWith(bob);
  for (let n = 1; n <= 60; n++) await bob.say(chat, `Before ${n}.`);
  await ann.open(`/chats/${chat}?at=1`);
  const status = ann.main.locator('[role=status][aria-live=polite]');
  await expect(status).toHaveText('');
  // New messages are announced also while the reader is far from the end.
  await bob.say(chat, 'One.');
  await expect(status).toHaveText('Bob: One.');
  for (const text of ['Two.', 'Three.', 'Four.']) await bob.say(chat, text);
  await expect(status).toHaveText(/^3 .*Bob: Four\.$/);
  // Messages that were already there are not announced.
  await ann.page.getByRole('button', { name: words.chat.newest }).click();
  await expect(ann.message('Four.')).toBeInViewport();
  await expect(status).toHaveText(/Four/);
});

test('Ctrl+K finds chats by any spelling of a name, and by user name', { tag: ['@script', '@once'] }, async ({ person, words }) => {
  const [ann, bob, alvaro] = [await person('Ann'), await person('Ёж Иваныч'), await person('Álvaro')];
  for (const other of [bob, alvaro]) await ann.say(await ann.directWith(other), 'Hello');
  await ann.open('/chats');
  await ann.page.keyboard.press('Control+k');
  for (const [typed, found] of [['еж', 'Ёж Иваныч'], ['ALV', 'Álvaro'], [`@${alvaro.username}`, 'Álvaro'], [bob.username, 'Ёж Иваныч']]) {
    await ann.dialog.getByRole('searchbox').fill(typed);
    await expect(ann.dialog.getByRole('listitem')).toHaveText([new RegExp(found)]);
  }
  await ann.dialog.getByRole('searchbox').fill('nobody at all');
  await expect(ann.dialog.getByRole('listitem')).toHaveCount(0);
  await expect(ann.dialog).toContainText(words.chat.nothing_here);
});
