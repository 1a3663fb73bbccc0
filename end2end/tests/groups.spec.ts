import { counted, expect, filled, test } from '../support/messenger';

test('a group is created with its members', async ({ person, words, plain, language }) => {
  const [ann, bob, eve] = [await person('Ann'), await person('Bob'), await person('Eve')];
  await bob.open('/chats');
  await ann.open('/new');
  await ann.page.getByRole('link', { name: words.groups.new_group }).click();
  await ann.settled();
  await ann.field(words.groups.group_name).fill('Hiking on Sunday');
  for (const friend of [bob, eve]) {
    await ann.lookFor(friend.username);
    await ann.page.getByRole('checkbox', { name: friend.username }).check();
  }
  await ann.press(words.groups.create_group);
  await expect(ann.page).toHaveURL(/\/chats\/[0-9a-f-]{36}$/);
  await ann.settled();
  await expect(ann.page.getByRole('heading', { name: 'Hiking on Sunday' })).toBeVisible();
  await expect(ann.main).toContainText(counted(words.groups.members_count, 3, language));
  const created = filled(words.events.group_created, { actor: 'Ann', title: 'Hiking on Sunday' });
  await expect(ann.timeline).toContainText(created);
  await ann.write('Who brings tea?');

  await bob.looksAgain();
  await expect(bob.row('Hiking on Sunday')).toContainText('Ann: Who brings tea?');
  await bob.row('Hiking on Sunday').click();
  await bob.settled();
  await expect(bob.message('Who brings tea?')).toContainText('Ann');
  await bob.write('I do');
  await ann.looksAgain();
  await expect(ann.message('I do')).toContainText('Bob');
});

test('a group needs a name', async ({ person, words }) => {
  const ann = await person('Ann');
  await ann.open('/new?kind=group');
  await ann.press(words.groups.create_group);
  await ann.settled();
  await expect(ann.field(words.groups.group_name)).toHaveAccessibleDescription(words.problems.required);
});

test('an added member sees the history', async ({ person, words, language }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.groupWith('Choir', []);
  await ann.say(chat, 'Rehearsal at seven');
  await bob.open('/chats');
  await ann.open(`/chats/${chat}`);
  await ann.page.getByRole('link', { name: 'Choir' }).last().click();
  await expect(ann.page).toHaveURL(`/chats/${chat}/info`);
  await ann.settled();
  await ann.lookFor(bob.username);
  await ann.press(`${words.groups.add} Bob`);
  await expect(ann.main).toContainText(counted(words.groups.members_count, 2, language));

  await bob.looksAgain();
  await bob.row('Choir').click();
  await expect(bob.message('Rehearsal at seven')).toBeVisible();
  await expect(bob.timeline).toContainText(filled(words.events.member_added, { actor: 'Ann', user: 'Bob' }));
});

test('a removed member loses the group, and is told', async ({ person, words, language, plain }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.groupWith('Choir', [bob]);
  await ann.say(chat, 'Rehearsal at seven');
  await bob.open(`/chats/${chat}`);
  await expect(bob.message('Rehearsal at seven')).toBeVisible();

  await ann.open(`/chats/${chat}/info`);
  await ann.confirm(`${words.groups.remove} Bob`, words.groups.remove);
  await expect(ann.main).toContainText(counted(words.groups.members_count, 1, language));
  await bob.looksAgain();
  // A page that loads after the removal must not show that there is such a group.
  const title = plain ? words.not_found.title : words.chat.removed;
  await expect(bob.page.getByRole('heading', { name: title })).toBeVisible();
  if (!plain) await expect(bob.page.getByRole('alert')).toContainText('Choir');
  await expect(bob.message('Rehearsal at seven')).toHaveCount(0);
  await bob.open('/chats');
  await expect(bob.row(words.chat.saved)).toBeVisible();
  await expect(bob.row('Choir')).toHaveCount(0);
});

// On a phone, the page of the removed group has no list of chats.
test('a member who is removed while writing can go on elsewhere', { tag: ['@script', '@once'] }, async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const [chat, notes] = [await ann.groupWith('Choir', [bob]), await bob.savedChat()];
  await bob.open(`/chats/${chat}`);
  await bob.composer.pressSequentially('Half a thought @');
  await expect(bob.page.getByRole('option').first()).toBeVisible();
  await ann.remove(chat, bob);
  await expect(bob.main).toContainText(words.chat.removed);
  await bob.page.locator(`a[href="/chats/${notes}"]`).click();
  await bob.write('Still here');
  await expect(bob.message('Still here')).toBeVisible();
});

test('a member leaves a group', async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.groupWith('Choir', [bob]);
  await ann.open(`/chats/${chat}`);
  await bob.open(`/chats/${chat}/info`);
  await bob.confirm(words.groups.leave);
  await expect(bob.page).toHaveURL('/chats');
  await bob.settled();
  await expect(bob.row('Choir')).toHaveCount(0);
  await ann.looksAgain();
  await expect(ann.timeline).toContainText(filled(words.events.member_left, { actor: 'Bob' }));
});

test('an owner cannot leave a group with other members, and sees why', async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.groupWith('Choir', [bob]);
  await ann.open(`/chats/${chat}/info`);
  await ann.confirm(words.groups.leave);
  await ann.settled();
  await expect(ann.main.getByText(words.errors.conflict)).toBeVisible();
});

test('a group is renamed', async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.groupWith('Choir', [bob]);
  await bob.open(`/chats/${chat}`);
  await ann.open(`/chats/${chat}/info`);
  await ann.field(words.groups.group_name).fill('Choir of the north');
  await ann.press(words.save);
  await expect(ann.page.getByRole('heading', { name: 'Choir of the north' })).toBeVisible();
  await bob.looksAgain();
  await expect(bob.page.getByRole('heading', { name: 'Choir of the north' })).toBeVisible();
  const text = filled(words.events.title_changed, { actor: 'Ann', title: 'Choir of the north' });
  await expect(bob.timeline).toContainText(text);
});

test('members who are not admins cannot manage the group', async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.groupWith('Choir', [bob]);
  await bob.open(`/chats/${chat}/info`);
  await expect(bob.page.getByRole('button', { name: words.groups.leave })).toBeVisible();
  await expect(bob.page.getByRole('button', { name: words.groups.remove })).toHaveCount(0);
  await expect(bob.field(words.groups.group_name)).toHaveCount(0);
});

test('a wide window shows the info beside the open conversation', { tag: ['@script', '@once'] }, async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.groupWith('Choir', [bob]);
  for (let n = 1; n <= 60; n++) await bob.say(chat, `Line ${n}.`);
  await ann.page.setViewportSize({ width: 1440, height: 900 });
  await ann.open(`/chats/${chat}`);
  await ann.composer.fill('half a thought');
  await ann.timeline.evaluate((timeline) => timeline.scrollBy(0, -400));
  const top = await ann.timeline.evaluate((timeline) => timeline.scrollTop);
  await ann.main.getByRole('link', { name: words.chat.info }).click();
  const info = ann.page.getByRole('complementary', { name: words.chat.info });
  await expect(info.getByRole('link', { name: 'Bob' })).toBeVisible();
  await expect(ann.page).toHaveURL(`/chats/${chat}/info`);
  await expect(ann.composer).toHaveValue('half a thought');
  await info.getByRole('link', { name: words.back }).click();
  await expect(info).toHaveCount(0);
  await expect(ann.composer).toHaveValue('half a thought');
  await expect.poll(async () => Math.abs((await ann.timeline.evaluate((timeline) => timeline.scrollTop)) - top)).toBeLessThan(60);

  // A narrower window shows one of the two.
  await ann.page.setViewportSize({ width: 1100, height: 900 });
  await ann.main.getByRole('link', { name: words.chat.info }).click();
  await expect(ann.main.getByRole('heading', { name: 'Choir', level: 1 })).toBeVisible();
  await expect(ann.composer).toHaveCount(0);
});
