import { expect, test } from '../support/messenger';

test('two users find each other and exchange messages', async ({ person, words, plain }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  await bob.open('/chats');
  await ann.open('/chats');
  await ann.list.getByRole('link', { name: words.chat.new_chat }).click();
  await expect(ann.page).toHaveURL('/new');
  await ann.lookFor(bob.username);
  await ann.press(`${words.profiles.message} Bob`);
  await expect(ann.page).toHaveURL(/\/chats\/[0-9a-f-]{36}$/);
  await ann.settled();
  await expect(ann.timeline).toContainText(words.chat.empty);
  await ann.write('Hello, Bob');
  await expect(ann.message('Hello, Bob')).toContainText(words.chat.sent);

  await bob.looksAgain();
  await expect(bob.row('Ann')).toContainText('Hello, Bob');
  await bob.row('Ann').click();
  await bob.settled();
  await expect(bob.message('Hello, Bob')).toBeVisible();
  await bob.write('Hello, Ann');
  await expect(bob.message('Hello, Ann')).toHaveCount(1);

  await ann.looksAgain();
  await expect(ann.message('Hello, Ann')).toBeVisible();
  await expect(ann.timeline.getByRole('article')).toHaveCount(2);
  if (!plain) await expect(ann.composer).toBeFocused();
});

test('unread messages are counted until they are read', async ({ person, words, plain }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.directWith(bob);
  await bob.open('/chats');
  for (const text of ['One', 'Two', 'Three']) await ann.say(chat, text);
  await bob.looksAgain();
  await expect(bob.row('Ann')).toContainText(/3 \p{L}/u);

  await bob.row('Ann').click();
  await expect(bob.timeline).toContainText(words.chat.new_messages);
  if (plain) await bob.press(words.chat.mark_read);
  await bob.settled();
  await expect(bob.message('Three')).toBeVisible();
  await bob.open('/chats');
  await expect(bob.row('Ann').locator('.badge')).toHaveCount(0);
});

test('a sender sees whether a message was read', async ({ person, words, plain }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.directWith(bob);
  await ann.open(`/chats/${chat}`);
  await ann.write('Are you there?');
  await expect(ann.message('Are you there?')).toContainText(words.chat.sent);
  await expect(ann.message('Are you there?')).not.toContainText(words.chat.read);

  await bob.open(`/chats/${chat}`);
  if (plain) await bob.press(words.chat.mark_read);
  await expect(bob.message('Are you there?')).toBeVisible();
  await ann.looksAgain();
  await expect(ann.message('Are you there?')).toContainText(words.chat.read);
});

test('notes in saved messages are stored', async ({ person, words }) => {
  const ann = await person('Ann');
  await ann.open('/chats');
  await ann.row(words.chat.saved).click();
  await ann.settled();
  await ann.write('Buy milk\nand bread');
  await expect(ann.message('Buy milk')).toHaveText(/Buy milk\nand bread/, { useInnerText: true });
  await ann.page.reload();
  await expect(ann.message('Buy milk')).toHaveCount(1);
});

test('HTML in a message is shown as text', async ({ person }) => {
  const ann = await person('Ann');
  await ann.open(`/chats/${await ann.savedChat()}`);
  const text = '<img src=x onerror="document.title=1"> & <b>bold</b> \u202Eright to left';
  await ann.write(text);
  await expect(ann.message('onerror').locator('.text')).toHaveText(text);
  await ann.page.reload();
  await expect(ann.message('onerror').locator('.text')).toHaveText(text);
  await expect(ann.timeline.locator('img, b')).toHaveCount(0);
});

test('a rejected draft is not lost', async ({ person, words, plain }) => {
  const ann = await person('Ann');
  const chat = await ann.savedChat();
  await ann.open(`/chats/${chat}`);
  const long = 'Ring the bell '.repeat(600);
  await ann.write(long);
  await expect(ann.main.getByText(words.chat.cannot_send)).toBeVisible();
  await expect(ann.composer).toHaveValue(long);
  if (!plain) await expect(ann.timeline.getByRole('article')).toHaveCount(0);

  await ann.write('Ring the bell');
  await expect(ann.message('Ring the bell')).toHaveCount(1);
});

test('after a form is sent, the page shows the new message', { tag: '@plain' }, async ({ person }) => {
  const ann = await person('Ann');
  const chat = await ann.savedChat();
  for (let n = 1; n <= 3; n++) await ann.say(chat, `Note ${n}`);
  await ann.open(`/chats/${chat}`);
  await ann.write('The fourth');
  await expect(ann.page).toHaveURL(`/chats/${chat}#m4`);
  await expect(ann.page.locator('#m4')).toContainText('The fourth');
  await expect(ann.page.locator('#m4')).toBeInViewport();
});

test('a form that is sent twice stores one message', { tag: '@plain' }, async ({ person, words }) => {
  const ann = await person('Ann');
  const chat = await ann.savedChat();
  await ann.open(`/chats/${chat}`);
  const form = {
    chat_id: chat,
    client_id: await ann.page.locator('input[name=client_id]').inputValue(),
    text: 'Only once',
  };
  const first = await ann.post('/fn/send_message', form);
  const second = await ann.post('/fn/send_message', form);
  expect([first.status(), second.status()]).toEqual([303, 303]);
  expect(second.headers().location).toBe(first.headers().location);
  await ann.looksAgain();
  await expect(ann.message('Only once')).toHaveCount(1);

  // A different text with the same client_id is returned to the form.
  const changed = await ann.post('/fn/send_message', { ...form, text: 'Other words' }, `/chats/${chat}`);
  expect(changed.status()).toBe(409);
  const page = await changed.text();
  expect(page).toContain(words.refusals.sent_twice);
  expect(page).toMatch(/<textarea[^>]*>Other words</);
});

test('a long history can be read back to its beginning', async ({ person, words, plain }) => {
  const ann = await person('Ann');
  const chat = await ann.savedChat();
  for (let n = 1; n <= 120; n++) await ann.say(chat, `Note number ${n}.`);
  await ann.open(`/chats/${chat}`);
  await expect(ann.message('Note number 120.')).toBeVisible();
  await expect(ann.message('Note number 120.')).toBeInViewport();
  await expect(ann.message('Note number 1.')).toHaveCount(0);

  const earlier = ann.page.getByRole('link', { name: words.chat.older });
  while (!(await ann.message('Note number 1.').count())) {
    const first = await ann.timeline.getByRole('article').first().textContent();
    // A live page loads earlier messages when its first row scrolls into view.
    if (plain) await earlier.click();
    else await ann.timeline.evaluate((log) => log.scrollTo(0, 0));
    await expect(ann.timeline.getByRole('article').first()).not.toHaveText(first ?? '');
  }
  await expect(earlier).toHaveCount(0);
  if (plain) await ann.page.getByRole('link', { name: words.chat.newest }).click();
  await expect(ann.message('Note number 120.')).toHaveCount(1);
});

test('earlier messages load without a jump', { tag: '@script' }, async ({ person }) => {
  const ann = await person('Ann');
  const chat = await ann.savedChat();
  for (let n = 1; n <= 90; n++) await ann.say(chat, `Note number ${n}.`);
  await ann.open(`/chats/${chat}`);
  const first = ann.timeline.getByRole('article').first();
  const oldest = ann.message((await first.locator('.text').textContent()) ?? '');
  // Measure before the next frame, in which earlier messages may load.
  const top = await ann.timeline.evaluate((log) => {
    log.scrollTo(0, 20);
    return log.querySelector('article')!.getBoundingClientRect().top;
  });
  await expect(ann.message('Note number 1.')).toHaveCount(1);
  await expect.poll(async () => Math.abs(((await oldest.boundingBox())?.y ?? 0) - top)).toBeLessThanOrEqual(1);
});

test('Enter sends and Shift+Enter breaks the line', { tag: '@script' }, async ({ person }) => {
  const ann = await person('Ann');
  await ann.open(`/chats/${await ann.savedChat()}`);
  await ann.composer.press('Enter');
  await expect(ann.timeline.getByRole('article')).toHaveCount(0);
  await ann.composer.pressSequentially('First');
  await ann.composer.press('Shift+Enter');
  await ann.composer.pressSequentially('Second');
  await expect(ann.composer).toHaveValue('First\nSecond');
  await ann.composer.press('Enter');
  await expect(ann.composer).toHaveValue('');
  await expect(ann.message('First').locator('.text')).toHaveText('First\nSecond', { useInnerText: true });
});

test('typing is shown to the other user', { tag: '@script' }, async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.directWith(bob);
  await ann.say(chat, 'Hello');
  await ann.open(`/chats/${chat}`);
  await bob.open(`/chats/${chat}`);
  await bob.composer.pressSequentially('Wait a');
  await expect(ann.main.getByText(words.chat.typing)).toBeVisible();
  await bob.composer.press('Enter');
  await expect(ann.message('Wait a')).toBeVisible();
  await expect(ann.main.getByText(words.chat.typing)).toHaveCount(0);
});

test('two devices of one user show the same messages', { tag: '@script' }, async ({ browserOf, person }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.directWith(bob);
  const second = await browserOf();
  await ann.signIn(second);
  await expect(second).toHaveURL('/chats');
  await second.goto(`/chats/${chat}`);
  await ann.open(`/chats/${chat}`);
  await ann.write('From the first device');
  await expect(second.getByRole('article').filter({ hasText: 'From the first device' })).toHaveCount(1);
});

test('a message that arrives in an open chat adds no divider', { tag: '@script' }, async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.directWith(bob);
  await ann.say(chat, 'Hello');
  await ann.open(`/chats/${chat}`);
  await bob.open(`/chats/${chat}`);
  await bob.write('Hello yourself');
  await expect(ann.message('Hello yourself')).toBeVisible();
  await expect(ann.timeline.getByText(words.chat.new_messages)).toHaveCount(0);
});

test('a conversation fills the screen, and the page does not scroll', async ({ person, words, plain }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.directWith(bob);
  for (let n = 1; n <= 40; n++) await ann.say(chat, `Line ${n} of a conversation that is longer than any screen`);
  await bob.open(`/chats/${chat}`);
  const divider = bob.timeline.getByText(words.chat.new_messages);
  // Without JavaScript the page opens at the newest message.
  await expect(plain ? bob.message('Line 40') : divider).toBeInViewport();
  await expect(bob.composer).toBeInViewport({ ratio: 1 });
  await expect(bob.page.getByRole('heading', { name: 'Ann' })).toBeInViewport({ ratio: 1 });
  const beyond = await bob.page.evaluate(() => document.documentElement.scrollHeight - innerHeight);
  expect(beyond).toBeLessThanOrEqual(0);
  const sideways = await bob.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(sideways).toBeLessThanOrEqual(0);
});
