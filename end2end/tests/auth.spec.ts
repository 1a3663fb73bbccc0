import { expect, hydrated, Person, test } from '../support/messenger';

test('a user registers, signs out and signs in again', async ({ browserOf, words, plain }) => {
  const ann = new Person(await browserOf(), words, plain, 'Ann');
  await ann.open('/');
  await expect(ann.page).toHaveURL('/login');
  await ann.page.getByRole('link', { name: words.auth.create_account }).click();
  await expect(ann.page).toHaveURL('/register');
  await ann.field(words.auth.username).fill(ann.username);
  await ann.field(words.auth.display_name).fill('Ann Example');
  await ann.field(words.auth.password).fill(ann.password);
  await ann.press(words.auth.create_account);
  await expect(ann.page).toHaveURL('/chats');
  await expect(ann.row(words.chat.saved)).toBeVisible();

  await ann.open('/settings/security');
  await ann.press(words.auth.sign_out);
  await expect(ann.page).toHaveURL('/login');
  await ann.open('/chats');
  await expect(ann.page).toHaveURL('/login');

  await ann.signIn();
  await expect(ann.page).toHaveURL('/chats');
  await ann.open('/settings/profile');
  await expect(ann.field(words.auth.display_name)).toHaveValue('Ann Example');
});

test('a link opened while signed out leads to its target after the sign-in', async ({ browserOf, person, words, plain }) => {
  const ann = await person('Ann');
  const chat = await ann.savedChat();
  const no = await ann.say(chat, 'The message behind the link');
  const guest = ann.inTab(await browserOf());
  await guest.page.goto(`/chats/${chat}?at=${no}`);
  await expect(guest.page).toHaveURL(/\/login\?next=/);
  // A refused form keeps the target.
  await guest.field(words.auth.username).fill(ann.username);
  await guest.field(words.auth.password).fill('not the password');
  await guest.press(words.auth.sign_in);
  await expect(guest.page.locator('.problem')).toHaveText(words.errors.unauthenticated);
  await guest.settled();
  await guest.field(words.auth.password).fill(ann.password);
  await guest.press(words.auth.sign_in);
  await expect(guest.page).toHaveURL(new RegExp(`/chats/${chat}\\?at=${no}`));
  await expect(guest.message('The message behind the link')).toBeVisible();

  const newcomer = new Person(await browserOf(), words, plain, 'Newcomer');
  await newcomer.page.goto(`/users/@${ann.username}`);
  await newcomer.page.getByRole('link', { name: words.auth.create_account }).click();
  await newcomer.field(words.auth.username).fill(newcomer.username);
  await newcomer.field(words.auth.password).fill(newcomer.password);
  await newcomer.press(words.auth.create_account);
  await expect(newcomer.page).toHaveURL(`/users/@${ann.username}`);
  await expect(newcomer.main).toContainText('Ann');
});

test('a wrong password is reported and the username stays in the form', async ({ browserOf, person, words, plain }) => {
  const ann = await person('Ann');
  const stranger = new Person(await browserOf(), words, plain, 'Stranger');
  await stranger.open('/login');
  await stranger.field(words.auth.username).fill(ann.username);
  await stranger.field(words.auth.password).fill('not the password');
  await stranger.press(words.auth.sign_in);
  await expect(stranger.page.getByRole('alert').and(stranger.page.locator('.problem'))).toHaveText(words.errors.unauthenticated);
  // A reload must not send the form again.
  if (!plain) await expect(stranger.page).toHaveURL('/login');
  await stranger.settled();
  await expect(stranger.field(words.auth.username)).toHaveValue(ann.username);
  await expect(stranger.field(words.auth.password)).toHaveValue('');
  await expect(stranger.field(words.auth.password)).toBeFocused();

  await stranger.field(words.auth.password).fill(ann.password);
  await stranger.press(words.auth.sign_in);
  await expect(stranger.page).toHaveURL('/chats');
});

test('a rejected registration shows every wrong field with the user\'s input', async ({ browserOf, words, plain }) => {
  const ann = new Person(await browserOf(), words, plain, 'Ann');
  await ann.open('/register');
  await ann.field(words.auth.username).fill('Ann Smith!');
  await ann.field(words.auth.display_name).fill('Ann');
  await ann.field(words.auth.password).fill('short');
  const answered = ann.page.waitForResponse((answer) => answer.request().method() === 'POST');
  await ann.press(words.auth.create_account);
  expect((await answered).status()).toBe(422);
  await ann.settled();

  const [username, password] = [ann.field(words.auth.username), ann.field(words.auth.password)];
  await expect(username).toHaveAccessibleDescription(`${words.problems.characters} ${words.auth.username_hint}`);
  await expect(username).toHaveAttribute('aria-invalid', 'true');
  await expect(password).toHaveAccessibleDescription(`${words.problems.too_short} ${words.auth.password_hint}`);
  await expect(username).toHaveValue('Ann Smith!');
  await expect(ann.field(words.auth.display_name)).toHaveValue('Ann');
  await expect(password).toHaveValue('');
  await expect(username).toBeFocused();

  await username.fill(ann.username);
  if (!plain) {
    await expect(username).not.toHaveAttribute('aria-invalid');
    await expect(username).toHaveAccessibleDescription(words.auth.username_hint);
    await expect(password).toHaveAttribute('aria-invalid', 'true');
  }
  await password.fill(ann.password);
  await ann.press(words.auth.create_account);
  await expect(ann.page).toHaveURL('/chats');
});

test('a taken username is reported', async ({ browserOf, person, words, plain }) => {
  const ann = await person('Ann');
  const other = new Person(await browserOf(), words, plain, 'Other');
  await other.open('/register');
  await other.field(words.auth.username).fill(ann.username.toUpperCase());
  await other.field(words.auth.password).fill(other.password);
  await other.press(words.auth.create_account);
  await expect(other.page.getByText(words.problems.taken)).toBeVisible();
});

test('a changed password ends the other sessions', async ({ browserOf, person, words, plain }) => {
  const ann = await person('Ann');
  const elsewhere = await browserOf();
  await ann.signIn(elsewhere);
  await expect(elsewhere).toHaveURL('/chats');
  if (!plain) await hydrated(elsewhere);

  await ann.open('/settings/security');
  await ann.field(words.auth.current_password).fill('not this one');
  await ann.field(words.auth.new_password).fill('a quite different one');
  await ann.press(words.auth.change_password);
  await ann.settled();
  await expect(ann.page.getByText(words.problems.wrong_password)).toBeVisible();

  await ann.field(words.auth.current_password).fill(ann.password);
  await ann.field(words.auth.new_password).fill('a quite different one');
  await ann.press(words.auth.change_password);
  await expect(ann.page).toHaveURL('/settings/security?saved');
  await expect(ann.page.getByText(words.notices.saved, { exact: true })).toBeVisible();
  await ann.field(words.auth.current_password).fill(ann.password);
  await ann.field(words.auth.new_password).fill('a third one entirely');
  await ann.press(words.auth.change_password);
  await expect(ann.page.getByText(words.problems.wrong_password)).toBeVisible();
  await expect(ann.page.getByText(words.notices.saved, { exact: true })).toHaveCount(0);
  await ann.open('/settings/sessions');
  await expect(ann.page.getByText(words.auth.this_device)).toBeVisible();
  await expect(ann.page.getByRole('button', { name: words.auth.end_session })).toHaveCount(0);

  if (plain) await elsewhere.reload();
  await expect(elsewhere).toHaveURL('/login');
  await expect(elsewhere.getByText(words.auth.ended)).toBeVisible();
  // The reason is given once.
  await elsewhere.reload();
  await expect(elsewhere.getByRole('heading', { name: words.auth.welcome })).toBeVisible();
  await expect(elsewhere.getByText(words.auth.ended)).toHaveCount(0);
});

test('all other sessions are ended at once', async ({ browserOf, person, words, plain }) => {
  const ann = await person('Ann');
  const elsewhere = [await browserOf(), await browserOf()];
  for (const page of elsewhere) {
    await ann.signIn(page);
    await expect(page).toHaveURL('/chats');
    if (!plain) await hydrated(page);
  }
  await ann.open('/settings/sessions');
  await ann.confirm(words.auth.end_others);
  await expect(ann.page).toHaveURL('/settings/sessions');
  await expect(ann.page.getByText(words.auth.this_device)).toBeVisible();
  await expect(ann.page.getByRole('button', { name: words.auth.end_others })).toHaveCount(0);
  for (const page of elsewhere) {
    if (plain) await page.reload();
    await expect(page).toHaveURL('/login');
  }
});

test('a new password is another one', async ({ person, words }) => {
  const ann = await person('Ann');
  await ann.open('/settings/security');
  await ann.field(words.auth.current_password).fill(ann.password);
  await ann.field(words.auth.new_password).fill(ann.password);
  await ann.press(words.auth.change_password);
  await ann.settled();
  await expect(ann.field(words.auth.new_password)).toHaveAccessibleDescription(new RegExp(words.problems.unchanged));
});

test('a session on another device can be ended', async ({ browserOf, person, words, plain }) => {
  const ann = await person('Ann');
  const elsewhere = await browserOf();
  await ann.signIn(elsewhere);
  await expect(elsewhere).toHaveURL('/chats');
  if (!plain) await hydrated(elsewhere);

  await ann.open('/settings/sessions');
  await ann.confirm(words.auth.end_session);
  await expect(ann.page.getByRole('button', { name: words.auth.end_session })).toHaveCount(0);
  if (plain) await elsewhere.reload();
  await expect(elsewhere).toHaveURL('/login');
});

test('the account menu signs out, also without JavaScript', async ({ person, words }) => {
  const ann = await person('Ann');
  await ann.open('/chats');
  const account = ann.list.getByRole('button', { name: words.auth.account });
  await account.click();
  await expect(ann.list.getByRole('link', { name: `@${ann.username}` })).toBeVisible();
  await ann.page.keyboard.press('Escape');
  await expect(ann.list.getByRole('button', { name: words.auth.sign_out })).toBeHidden();
  await account.click();
  await ann.press(words.auth.sign_out);
  await expect(ann.page).toHaveURL('/login');
});
