import { expect, test } from '../support/messenger';

test('a blocked user cannot write and does not learn why', async ({ person, words, plain }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await bob.talkingWith(ann);
  await bob.write('Hello');
  await ann.open(`/users/@${bob.username}`);
  await ann.confirm(words.profiles.block);
  // The page stays, and offers to end the block.
  await expect(ann.page.getByRole('button', { name: words.profiles.unblock })).toBeVisible();
  await expect(ann.page).toHaveURL(`/users/@${bob.username}`);
  bob.expects(/status of 403/);
  await bob.write('Hello?');
  await expect(bob.main.getByText(plain ? words.refusals.blocked : words.chat.not_sent)).toBeVisible();
  await ann.open(`/chats/${chat}`);
  await expect(ann.timeline.getByRole('article')).toHaveCount(1);
  await expect(ann.main.getByText(words.profiles.you_blocked)).toBeVisible();
  // Client-side navigation shows the same as a loaded page.
  await ann.page.getByRole('link', { name: 'Bob' }).last().click();
  await expect(ann.page.getByRole('button', { name: words.profiles.unblock })).toBeVisible();
  await ann.open('/settings');
  await ann.page.getByRole('link', { name: words.settings.privacy, exact: true }).click();
  await expect(ann.main).toContainText('Bob');
  await ann.press(words.profiles.unblock);
  await expect(ann.main).toContainText(words.settings.blocked_none);
  if (plain) {
    await bob.open(`/chats/${chat}`);
    await bob.write('Hello again');
  } else {
    await bob.page.getByRole('button', { name: words.chat.retry }).click();
  }
  await ann.open(`/chats/${chat}`);
  await expect(ann.timeline.getByRole('article')).toHaveCount(2);
});

test('a user can be blocked from the chat info page', async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.talkingWith(bob);
  await ann.page.getByRole('link', { name: words.chat.info }).click();
  await ann.confirm(words.profiles.block);
  // A conversation beside the info says it too.
  const unblock = ann.page.getByRole('button', { name: words.profiles.unblock }).last();
  await expect(unblock).toBeVisible();
  await expect(ann.page).toHaveURL(`/chats/${chat}/info`);
  await ann.settled();
  await unblock.click();
  await expect(ann.page.getByRole('button', { name: words.profiles.block, exact: true })).toBeVisible();
  await ann.open('/settings/privacy');
  await expect(ann.main).toContainText(words.settings.blocked_none);
});

test('the list of blocked people is not called empty before it has loaded', { tag: '@script' }, async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  await ann.directWith(bob);
  await ann.open(`/users/@${bob.username}`);
  await ann.confirm(words.profiles.block);
  await expect(ann.page.getByRole('button', { name: words.profiles.unblock })).toBeVisible();
  await ann.open('/settings');
  let load = () => {};
  const held = new Promise<void>((resolve) => { load = resolve; });
  await ann.page.route('**/fn/load', async (route) => { await held; await route.continue(); });
  await ann.page.getByRole('link', { name: words.settings.privacy, exact: true }).click();
  await expect(ann.page.getByRole('heading', { name: words.settings.blocked })).toBeVisible();
  await expect(ann.main.getByText(words.settings.blocked_none)).toHaveCount(0);
  load();
  await expect(ann.main).toContainText('Bob');
});

test('a search without a connection says so', { tag: '@script' }, async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  await ann.open('/new');
  ann.expects(/ERR_INTERNET_DISCONNECTED|WebSocket/);
  await ann.page.context().setOffline(true);
  await ann.lookFor(bob.username);
  await expect(ann.main.getByText(words.errors.unavailable)).toBeVisible();
  await expect(ann.main.getByText(words.groups.nobody)).toHaveCount(0);
  await ann.page.context().setOffline(false);
  await ann.lookFor('qqqqqqqq');
  await expect(ann.main.getByText(words.groups.nobody)).toBeVisible();
});

test('presence is shown unless the user hides it', { tag: '@script' }, async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.talkingWith(bob);
  await ann.say(chat, 'Hello');
  await expect(ann.main.getByText(words.profiles.online)).toBeVisible();
  await bob.open('/settings/privacy');
  await bob.choose('last_seen', words.settings.nobody);
  await expect(ann.main.getByText(words.profiles.online)).toHaveCount(0);
  await bob.choose('last_seen', words.settings.everyone);
  await expect(ann.main.getByText(words.profiles.online)).toBeVisible();
  await bob.page.close();
  await expect(ann.main.getByText(words.profiles.online)).toHaveCount(0);
  await expect(ann.main.getByRole('banner').or(ann.main.locator('.header-text'))).toContainText(words.profiles.last_seen.split(' {{')[0]);
});

test('a user who hides presence while nobody watches is not shown as online', { tag: '@script' }, async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  await bob.open('/settings/privacy');
  let asked = '';
  ann.page.on('websocket', (socket) => {
    socket.on('framesent', ({ payload }) => {
      if (String(payload).includes('"watch"')) asked = String(payload);
    });
  });
  await ann.open(`/users/@${bob.username}`);
  await expect(ann.main.getByText(words.profiles.online, { exact: true })).toBeVisible();
  await expect.poll(() => asked).toContain('"user_ids":["');
  await ann.goTo(await ann.savedChat());
  await expect.poll(() => asked).toContain('"user_ids":[]');
  await bob.choose('last_seen', words.settings.nobody);
  await ann.page.goBack();
  await expect(ann.main.getByRole('heading', { name: 'Bob' })).toBeVisible();
  await expect(ann.main.getByText(words.profiles.online, { exact: true })).toHaveCount(0);
});
