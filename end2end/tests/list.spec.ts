import { expect, test } from '../support/messenger';

test('chats are pinned, muted and archived, and come back', async ({ person, words, plain }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const [choir, band] = [await ann.groupWith('Choir', [bob]), await ann.groupWith('Band', [bob])];
  await ann.open(`/chats/${choir}/info`);
  await ann.press(words.chat.pin);
  await expect(ann.page.getByRole('button', { name: words.chat.unpin })).toBeVisible();
  await ann.press(words.chat.mute_ever);
  await expect(ann.page.getByRole('button', { name: words.chat.unmute })).toBeVisible();
  await bob.say(band, 'Newer');
  await ann.open('/chats');
  await expect(ann.list.getByRole('listitem').first()).toContainText('Choir');
  await expect(ann.row('Choir')).toContainText(words.chat.muted);

  await ann.open(`/chats/${band}/info`);
  await ann.press(words.chat.archive);
  await expect(ann.page.getByRole('button', { name: words.chat.unarchive })).toBeVisible();
  await ann.open('/chats');
  await expect(ann.row('Band')).toHaveCount(0);
  await ann.page.getByRole('link', { name: words.chat.only_archived }).click();
  await expect(ann.row('Band')).toBeVisible();
  await expect(ann.row('Choir')).toHaveCount(0);
  await ann.page.getByRole('link', { name: words.chat.all, exact: true }).click();
  await expect(ann.row('Band')).toHaveCount(0);
  await bob.say(band, 'Come back');
  if (plain) await ann.open('/chats');
  await expect(ann.row('Band')).toBeVisible();
});

test('a chat is marked as unread until it is read', async ({ person, words, plain }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await bob.directWith(ann);
  await bob.say(chat, 'Hello');
  await ann.open(`/chats/${chat}`);
  if (plain) await ann.press(words.chat.mark_read);
  await ann.open(`/chats/${chat}/info`);
  await ann.press(words.chat.mark_unread);
  await ann.open('/chats?filter=unread');
  await expect(ann.row('Bob')).toContainText(words.chat.marked);
  await ann.row('Bob').click();
  if (plain) return;
  await expect(ann.message('Hello')).toBeVisible();
  await ann.open('/chats');
  await expect(ann.row('Bob')).not.toContainText(words.chat.marked);
});

test('a draft is there on every device', { tag: '@script' }, async ({ browserOf, person, words }) => {
  const ann = await person('Ann');
  const group = await ann.groupWith('Choir', []);
  const second = ann.inTab(await browserOf());
  await second.signIn();
  await expect(second.page).toHaveURL('/chats');
  await ann.open(`/chats/${group}`);
  await ann.composer.pressSequentially('To be or');
  await expect(second.row('Choir')).toContainText(`${words.chat.draft}: To be or`);
  await second.open(`/chats/${group}`);
  await expect(second.composer).toHaveValue('To be or');
  await second.composer.press('End');
  await second.composer.pressSequentially(' not');
  await expect(ann.composer).toHaveValue('To be or not');
  await ann.composer.press('Enter');
  await expect(ann.message('To be or not')).toBeVisible();
  await expect(second.composer).toHaveValue('');
});

test('the tab and the page tell of new messages elsewhere', { tag: '@script' }, async ({ person }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const [chat, group] = [await bob.directWith(ann), await bob.groupWith('Choir', [ann])];
  await ann.open(`/chats/${group}`);
  await bob.say(chat, 'Look here');
  await expect(ann.page).toHaveTitle(/^\(1\) /);
  const told = ann.page.locator('.arrival');
  await expect(told).toContainText('Look here');
  await told.click();
  await expect(ann.message('Look here')).toBeVisible();
  await expect(ann.page).not.toHaveTitle(/^\(/);
});
