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
  await ann.openActionsOf('Bob');
  await ann.confirm(words.groups.remove);
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
  await bob.list.locator(`.chat-row[href="/chats/${notes}"]`).click();
  await bob.write('Still here');
  await expect(bob.message('Still here')).toBeVisible();
});

test('a member who is added again sees the history at once', { tag: '@script' }, async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.groupWith('Choir', [bob]);
  for (const text of ['First', 'Second', 'Third']) await ann.say(chat, text);
  await bob.open(`/chats/${chat}`);
  await expect(bob.message('First')).toBeVisible();
  await ann.remove(chat, bob);
  await expect(bob.main).toContainText(words.chat.removed);
  await ann.add(chat, bob);
  for (const text of ['First', 'Third']) await expect(bob.message(text)).toBeVisible();
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

test('an owner who leaves hands the group over, and learns that this is necessary', async ({ person, words }) => {
  const [ann, bob, eve] = [await person('Ann'), await person('Bob'), await person('Eve')];
  const chat = await ann.groupWith('Choir', [bob, eve]);
  await ann.open(`/chats/${chat}/info`);
  await expect(ann.main.getByText(words.groups.heir_hint)).toBeVisible();
  await ann.press(words.groups.leave);
  await expect(ann.main.getByLabel(words.groups.heir)).toBeFocused();
  await expect(ann.dialog).toHaveCount(0);
  await ann.main.getByLabel(words.groups.heir).selectOption('Bob');
  await ann.confirm(words.groups.leave);
  await expect(ann.page).toHaveURL('/chats');
  await ann.settled();
  await expect(ann.row('Choir')).toHaveCount(0);
  await bob.open(`/chats/${chat}/info`);
  await expect(bob.main.getByRole('listitem').filter({ hasText: 'Bob' })).toContainText(words.groups.owner);
  await expect(bob.main.getByLabel(words.groups.heir).getByRole('option')).toHaveText([words.groups.choose_heir, 'Eve']);
});

test('an owner changes roles and hands the group over', async ({ person, plain, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.groupWith('Choir', [bob]);
  await ann.open(`/chats/${chat}/info`);
  const row = ann.main.getByRole('listitem').filter({ hasText: 'Bob' });
  const { make_admin, take_admin, make_owner, admin, owner } = words.groups;
  for (const [button, after] of [[make_admin, admin], [take_admin, ''], [make_owner, owner]]) {
    await ann.openActionsOf('Bob');
    if (!plain) {
      // The menu closes by Escape, and its button gets the focus.
      const actions = ann.main.getByLabel(filled(words.groups.member_actions, { name: 'Bob' }));
      await ann.page.keyboard.press('Escape');
      await expect(ann.main.locator('details[open]')).toHaveCount(0);
      await expect(actions).toBeFocused();
      await actions.click();
    }
    if (button === make_owner) await ann.confirm(button);
    else await ann.press(button);
    await ann.settled();
    await expect(row.locator(':scope > .hint')).toHaveText(after ? [after] : []);
  }
  // The former owner is an admin: admins leave without a successor, and change no roles.
  await expect(ann.main.getByLabel(words.groups.heir)).toHaveCount(0);
  await expect(ann.main.locator('details')).toHaveCount(0);
  await ann.confirm(words.groups.leave);
  await expect(ann.page).toHaveURL('/chats');
});

test('Enter in the name of a group creates it, and Enter in the search does not', async ({ person, words, plain }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  await ann.open('/new?kind=group');
  await ann.lookFor(bob.username);
  await ann.page.getByRole('checkbox', { name: bob.username }).check();
  if (!plain) {
    await ann.main.getByRole('searchbox').press('Enter');
    await expect(ann.page).toHaveURL('/new?kind=group');
  }
  await ann.field(words.groups.group_name).fill('Tea');
  await ann.field(words.groups.group_name).press('Enter');
  await expect(ann.page).toHaveURL(/\/chats\/[0-9a-f-]{36}$/);
  await ann.settled();
  await expect(ann.page.getByRole('heading', { name: 'Tea' })).toBeVisible();
});

test('members have the order of the reader\'s language', async ({ person, plain, language }) => {
  const names = ['Жук', 'ёж', 'Ель', 'Ёлка', 'Zoe', 'álva', 'Alb', '7'];
  const people = [];
  for (const name of names) people.push(await person(name));
  const ann = await person('Ann');
  const chat = await ann.groupWith('Choir', people);
  await ann.open(`/chats/${chat}/info`);
  const shown = ann.main.locator('.rows .person bdi');
  const [latin, cyrillic] = [['Alb', 'álva', 'Zoe'], ['ёж', 'Ёлка', 'Ель', 'Жук']];
  await expect(shown).toHaveText(['Ann', '7', ...(language === 'ru' ? [...cyrillic, ...latin] : [...latin, ...cyrillic])]);
  // A new name is shown at once, in its place.
  await people[0].takeName('Ёж-2');
  await ann.looksAgain();
  const renamed = ['ёж', 'Ёж-2', 'Ёлка', 'Ель'];
  await expect(shown).toHaveText(['Ann', '7', ...(language === 'ru' ? [...renamed, ...latin] : [...latin, ...renamed])]);
});

test('long lists are shown in pages', { tag: '@once' }, async ({ person, words }) => {
  const ann = await person('Ann');
  const others = Array.from({ length: 53 }, (_, i) => `crowd_${ann.username.slice(-8)}_${String(i).padStart(2, '0')}`);
  const ids = await ann.registerOthers(others);
  const more = ann.page.getByRole('button', { name: words.more });
  const chat = await ann.groupOf('Crowd', ids);
  await ann.open(`/chats/${chat}/info`);
  const rows = ann.main.locator('.rows .person');
  await expect(rows).toHaveCount(50);
  await more.click();
  await expect(rows.filter({ hasText: others[52] })).toHaveCount(1);
  await expect(rows.filter({ hasText: others[49] })).toHaveCount(1);
  await expect(more).toHaveCount(0);

  for (const id of ids) await ann.block(id);
  await ann.open('/settings/privacy');
  await expect(rows).toHaveCount(50);
  await more.click();
  await expect(rows.filter({ hasText: others[0] })).toHaveCount(1);
  await expect(more).toHaveCount(0);

  await ann.open('/new');
  await ann.lookFor(others[0].slice(0, -3));
  await expect(rows).toHaveCount(20);
  await more.click();
  await expect(rows.filter({ hasText: others[20] })).toHaveCount(1);
  await more.click();
  await expect(rows.filter({ hasText: others[52] })).toHaveCount(1);
  await expect(more).toHaveCount(0);
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
  await ann.composer.press('End');
  await ann.composer.pressSequentially('!');
  await ann.composer.press('Backspace');
  const kept = await ann.page.evaluate(() => Object.keys(sessionStorage).filter((key) => key.startsWith('draft:')));
  expect(kept.map((key) => key.slice(key.indexOf('/')))).toEqual([`/chats/${chat}`]);
  // Nothing that is changed in the info loads another page.
  await ann.field(words.groups.group_name).fill('Choir of the north');
  await info.getByRole('button', { name: words.save, exact: true }).click();
  await expect(ann.main.getByRole('heading', { level: 1 })).toHaveText('Choir of the north');
  await ann.page.getByLabel(filled(words.groups.member_actions, { name: 'Bob' })).click();
  await ann.press(words.groups.make_admin);
  await expect(info.getByRole('listitem').filter({ hasText: 'Bob' })).toContainText(words.groups.admin);
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
