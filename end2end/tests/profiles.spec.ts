import { expect, test } from '../support/messenger';

test('a profile shows the user and opens a chat', async ({ person, words, plain }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  await ann.open(`/users/@${bob.username}`);
  await expect(ann.main.getByRole('heading', { name: 'Bob' })).toBeVisible();
  await expect(ann.main).toContainText(`@${bob.username}`);
  await ann.press(words.profiles.message);
  await expect(ann.page).toHaveURL(/\/chats\/[0-9a-f-]{36}$/);
  await expect(ann.page.getByRole('heading', { name: 'Bob' })).toBeVisible();
  // Where there is a pointer, the user can write at once.
  const hasPointer = await ann.page.evaluate(() => matchMedia('(hover: hover)').matches);
  if (!plain && hasPointer) await expect(ann.composer).toBeFocused();
});

test('others see a changed name and bio', async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await bob.directWith(ann);
  await bob.say(chat, 'Hello');
  await ann.open('/chats');
  await expect(ann.row('Bob')).toBeVisible();

  await bob.open(`/users/@${bob.username}`);
  await bob.page.getByRole('link', { name: words.profiles.edit, exact: true }).click();
  await expect(bob.page).toHaveURL('/settings/profile');
  await bob.settled();
  await bob.field(words.auth.display_name).fill('Robert');
  await bob.field(words.profiles.bio).fill('Paints boats.\nSails none.');
  await bob.press(words.save);
  await bob.settled();
  await expect(bob.field(words.auth.display_name)).toHaveValue('Robert');
  await expect(bob.field(words.profiles.bio)).toHaveValue('Paints boats.\nSails none.');

  await ann.looksAgain();
  await expect(ann.row('Robert')).toBeVisible();
  await ann.open(`/users/@${bob.username}`);
  await expect(ann.main.getByRole('heading', { name: 'Robert' })).toBeVisible();
  await expect(ann.main.getByText('Paints boats.')).toHaveText('Paints boats.\nSails none.', { useInnerText: true });
});

test('a rejected profile keeps the user\'s input', async ({ person, words }) => {
  const ann = await person('Ann');
  await ann.open('/settings/profile');
  await ann.field(words.auth.display_name).fill('  ');
  await ann.field(words.profiles.bio).fill('Kept');
  await ann.press(words.save);
  await ann.settled();
  await expect(ann.field(words.auth.display_name)).toHaveAccessibleDescription(words.problems.required);
  await expect(ann.field(words.profiles.bio)).toHaveValue('Kept');
});
