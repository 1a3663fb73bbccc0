import { expect, filled, test } from '../support/messenger';

test('an action that cannot be undone names its object and is confirmed first', async ({ person, words, plain }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.groupWith('Choir & "band"', [bob]);
  await bob.open(`/chats/${chat}/info`);
  await bob.press(words.groups.leave);
  await expect(bob.dialog).toContainText(filled(words.groups.leave_question, { title: 'Choir & "band"' }));
  const cancel = bob.dialog.getByRole('button', { name: words.cancel });
  if (!plain) await expect(cancel).toBeFocused();
  await cancel.click();
  await expect(bob.dialog).toHaveCount(0);
  await expect(bob.page.getByRole('button', { name: words.groups.leave })).toBeVisible();
  expect((await bob.summary(chat)).title).toBe('Choir & "band"');
  if (!plain) {
    // Escape cancels too, and the focus returns to the button.
    await bob.press(words.groups.leave);
    await bob.page.keyboard.press('Escape');
    await expect(bob.dialog).toHaveCount(0);
    await expect(bob.page.getByRole('button', { name: words.groups.leave })).toBeFocused();
  }
  await ann.open(`/chats/${chat}/info`);
  await ann.openActionsOf('Bob');
  await ann.press(words.groups.remove);
  await expect(ann.dialog).toContainText(filled(words.groups.remove_question, { name: 'Bob', title: 'Choir & "band"' }));
  await ann.dialog.getByRole('button', { name: words.groups.remove, exact: true }).click();
  await bob.open('/chats');
  await expect(bob.row('Choir')).toHaveCount(0);
});

test('muting, archiving and marking happen at once and can be undone', { tag: '@script' }, async ({ person, words }) => {
  const ann = await person('Ann');
  const chat = await ann.groupWith('Choir', []);
  await ann.update(chat, { muted_until: '2099-01-01T00:00:00Z' });
  await ann.open(`/chats/${chat}/info`);
  const toast = ann.page.getByRole('status').locator('.toast');
  const undo = toast.getByRole('button', { name: words.notices.undo });
  for (const [name, said, state] of [
    [words.chat.archive, words.notices.archived, { archived: false }],
    [words.chat.pin, words.notices.pinned, { pinned: false }],
    [words.chat.mark_unread, words.notices.marked_unread, { marked_unread: false }],
    // The end of the earlier mute is restored.
    [words.chat.unmute, words.notices.unmuted, { muted_until: '2099-01-01T00:00:00.000Z' }],
  ] as const) {
    await ann.press(name);
    await expect(toast).toContainText(said);
    expect(await ann.summary(chat)).not.toMatchObject(state);
    await undo.click();
    await expect.poll(() => ann.summary(chat)).toMatchObject(state);
    await expect(toast).toHaveCount(0);
  }
});

test('a toast stays while the pointer or the focus is on it', { tag: '@script' }, async ({ person, words }) => {
  const ann = await person('Ann');
  const chat = await ann.groupWith('Choir', []);
  await ann.open(`/chats/${chat}/info`);
  await ann.press(words.chat.archive);
  const toast = ann.page.locator('.toast');
  const time = () => toast.evaluate((toast) => toast.getAnimations()[0].effect!.getTiming().duration);
  const state = () => toast.evaluate((toast) => toast.getAnimations()[0].playState);
  expect(await time()).toBe(6_000);
  await toast.hover();
  await expect.poll(state).toBe('paused');
  await ann.page.mouse.move(0, 0);
  await expect.poll(state).toBe('running');
  await toast.getByRole('button').focus();
  await expect.poll(state).toBe('paused');
  await toast.evaluate((toast) => toast.getAnimations()[0].finish());
  await expect(toast).toHaveCount(0);
});

test('a message has one menu, opened by right click, key or button', { tag: '@script' }, async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.groupWith('Choir', [bob]);
  await ann.say(chat, 'Mine');
  await bob.say(chat, 'From Bob');
  await ann.open(`/chats/${chat}`);
  const { keyboard } = ann.page;
  const shown = () => ann.menu.locator('.menu-item').filter({ visible: true }).allInnerTexts();
  const { reply, edit, copy, copy_link, forward, select, seen_by, report, react } = words.chat;
  await ann.openMenu('Mine');
  expect(await shown()).toEqual([reply, edit, copy, copy_link, forward, select, seen_by, words.chat.delete]);
  await expect(ann.menu.locator('.quick button')).toHaveCount(7);
  await expect(ann.menu.getByRole('button', { name: react, exact: true })).toBeVisible();
  await keyboard.press('Escape');
  await expect(ann.menu).toHaveCount(0);
  await expect(ann.message('Mine')).toBeFocused();
  for (const key of ['Enter', 'ContextMenu', 'Shift+F10']) {
    await keyboard.press(key);
    await expect(ann.menu.getByRole('button', { name: reply, exact: true })).toBeFocused();
    await keyboard.press('Escape');
    await expect(ann.message('Mine')).toBeFocused();
  }
  await ann.message('From Bob').hover();
  await ann.message('From Bob').getByRole('link', { name: words.chat.actions }).click();
  // An owner may delete the messages of others.
  expect(await shown()).toEqual([reply, copy, copy_link, forward, select, report, words.chat.delete]);
  // A press outside closes the menu.
  await ann.page.mouse.click(2, 2);
  await expect(ann.menu).toHaveCount(0);
  // After "Copy" the menu closes.
  await ann.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await ann.act('From Bob', copy);
  await expect(ann.menu).toHaveCount(0);
  await expect(ann.page.getByText(words.notices.copied)).toBeVisible();
  expect(await ann.page.evaluate(() => navigator.clipboard.readText())).toBe('From Bob');
  await expect(ann.message('From Bob')).toBeFocused();
  // A quick reaction is one more press, and a second press takes it back.
  const given = ann.message('From Bob').getByRole('button', { name: /👍/ });
  await ann.act('From Bob', '👍');
  await expect(given).toHaveText(/1/);
  await ann.act('From Bob', '👍');
  await expect(given).toHaveCount(0);
});

test('a menu is on the screen wherever it opens', { tag: '@script' }, async ({ person }) => {
  const ann = await person('Ann');
  const chat = await ann.savedChat();
  for (let n = 1; n <= 30; n++) await ann.say(chat, `Line ${n}.`);
  await ann.open(`/chats/${chat}`);
  for (const text of ['Line 30.', 'Line 25.']) {
    await ann.openMenu(text);
    await expect(ann.menu).toBeVisible();
    const box = (await ann.menu.boundingBox())!;
    const { width, height } = ann.page.viewportSize()!;
    expect(Math.min(box.x, box.y, width - box.x - box.width, height - box.y - box.height)).toBeGreaterThanOrEqual(0);
    await ann.page.keyboard.press('Escape');
    await expect(ann.menu).toHaveCount(0);
  }
});

test('a chat in the list has a menu', { tag: '@script' }, async ({ person, words }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.groupWith('Choir', [bob]);
  await bob.open('/chats');
  const menu = bob.page.getByRole('dialog', { name: words.chat.chat_actions });
  const choose = async (name: string) => {
    await bob.row('Choir').click({ button: 'right' });
    await menu.getByRole('button', { name, exact: true }).click();
    await expect(menu).toHaveCount(0);
  };
  await bob.row('Choir').click({ button: 'right' });
  const names = await menu.locator('.menu-item').allInnerTexts();
  expect(names).toEqual([words.chat.pin, words.chat.mute, words.chat.mark_unread, words.chat.archive, words.groups.leave]);
  await bob.page.keyboard.press('Escape');
  await expect(bob.row('Choir')).toBeFocused();
  await choose(words.chat.pin);
  await expect(bob.row('Choir')).toContainText(words.chat.pinned);
  await choose(words.chat.mute_hours);
  await expect(bob.row('Choir')).toContainText(words.chat.muted);
  const muted = Date.parse((await bob.summary(chat)).muted_until) - Date.now();
  expect(Math.round(muted / 3_600_000)).toBe(8);
  await choose(words.chat.mark_unread);
  await expect(bob.row('Choir')).toContainText(words.chat.marked);
  await choose(words.chat.mark_read);
  await expect(bob.row('Choir')).not.toContainText(words.chat.marked);
  await choose(words.chat.archive);
  await expect(bob.row('Choir')).toHaveCount(0);
  await bob.page.getByRole('button', { name: words.notices.undo }).click();
  await expect(bob.row('Choir')).toBeVisible();
  // By the keyboard alone.
  await bob.row('Choir').focus();
  await bob.page.keyboard.press('ContextMenu');
  await bob.page.keyboard.press('End');
  await expect(menu.getByRole('button', { name: words.groups.leave })).toBeFocused();
  await bob.page.keyboard.press('Enter');
  const question = bob.page.getByRole('dialog', { name: filled(words.groups.leave_question, { title: 'Choir' }) });
  await expect(question.getByRole('button', { name: words.cancel })).toBeFocused();
  await bob.page.keyboard.press('Tab');
  await bob.page.keyboard.press('Enter');
  await bob.settled();
  await expect(bob.row('Choir')).toHaveCount(0);
  // The page of the group asks an owner for a successor.
  await ann.say(await ann.groupWith('Band', [bob]), 'Hello');
  await ann.open('/chats');
  await ann.row('Band').click({ button: 'right' });
  await ann.dialog.getByRole('link', { name: words.groups.leave }).click();
  await expect(ann.page).toHaveURL(/\/info#leave$/);
  await expect(ann.main.getByLabel(words.groups.heir)).toBeFocused();
});

test('a confirmation is cancelled without a network', { tag: ['@script', '@once'] }, async ({ person, words }) => {
  const ann = await person('Ann');
  ann.expects(/ERR_INTERNET_DISCONNECTED|WebSocket/);
  await ann.open(`/chats/${await ann.groupWith('Choir', [])}/info`);
  await ann.page.context().setOffline(true);
  await ann.press(words.groups.leave);
  await ann.dialog.getByRole('button', { name: words.cancel, exact: true }).click();
  await expect(ann.dialog).toHaveCount(0);
  await expect(ann.page.locator('html[data-unreachable]')).toHaveCount(0);
});

test('a long press opens the menu, a swipe to the right replies', { tag: ['@script', '@once'] }, async ({ person, words }) => {
  const ann = await person('Ann', { hasTouch: true, isMobile: true, viewport: { width: 390, height: 844 } });
  const group = await ann.groupWith('Choir', []);
  await ann.say(group, 'Rehearsal at seven');
  await ann.open(`/chats/${group}`);
  const devtools = await ann.page.context().newCDPSession(ann.page);
  const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', ...touchPoints: { x: number; y: number }[]) =>
    devtools.send('Input.dispatchTouchEvent', { type, touchPoints });
  const box = (await ann.message('Rehearsal').boundingBox())!;
  const at = { x: box.x + 40, y: box.y + box.height / 2 };
  await touch('touchStart', at);
  await expect(ann.menu).toBeVisible();
  await touch('touchEnd');
  await expect(ann.menu).toBeVisible();
  // The back button closes the menu and stays on the page.
  await ann.page.goBack();
  await expect(ann.menu).toHaveCount(0);
  await expect(ann.page).toHaveURL(`/chats/${group}`);
  await touch('touchStart', at);
  for (let by = 10; by <= 90; by += 10) await touch('touchMove', { x: at.x + by, y: at.y });
  await touch('touchEnd');
  await expect(ann.page.locator('.about')).toContainText('Rehearsal at seven');
  await expect(ann.composer).toBeFocused();
  // A vertical movement scrolls.
  await ann.page.getByRole('link', { name: words.cancel }).click();
  await touch('touchStart', at);
  for (let by = 10; by <= 90; by += 10) await touch('touchMove', { x: at.x + by, y: at.y - by });
  await touch('touchEnd');
  await expect(ann.page.locator('.about')).toHaveCount(0);
  await ann.open('/chats');
  const row = (await ann.row('Choir').boundingBox())!;
  // Nothing invisible lies over the row of a chat.
  await ann.page.touchscreen.tap(row.x + row.width - 24, row.y + row.height / 2);
  await expect(ann.message('Rehearsal')).toBeVisible();
  await ann.page.goBack();
  await ann.settled();
  await touch('touchStart', { x: row.x + 60, y: row.y + row.height / 2 });
  await expect(ann.dialog).toBeVisible();
  await touch('touchEnd');
  await ann.page.goBack();
  await expect(ann.dialog).toHaveCount(0);
  await expect(ann.page).toHaveURL('/chats');
  // Another way to close it leaves nothing for the back button to undo.
  await ann.row('Choir').click();
  await expect(ann.composer).toBeVisible();
  await ann.openMenu('Rehearsal');
  await expect(ann.menu).toBeVisible();
  await ann.page.keyboard.press('Escape');
  await expect(ann.menu).toHaveCount(0);
  await ann.page.goBack();
  await expect(ann.page).toHaveURL('/chats');
});

test('the time is at the end of the last line, and groups show avatars', async ({ person }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.groupWith('Choir', [bob]);
  await bob.say(chat, 'Brief');
  await ann.say(chat, 'Also tiny');
  await ann.open(`/chats/${chat}`);
  for (const text of ['Brief', 'Also tiny']) {
    const heights = await ann.message(text).locator('.said').evaluate((said) => ({
      said: said.getBoundingClientRect().height,
      line: parseFloat(getComputedStyle(said).lineHeight),
    }));
    expect(heights.said).toBeLessThan(heights.line * 1.5);
  }
  await expect(ann.message('Brief').locator('.avatar')).toBeVisible();
  await expect(ann.message('Also tiny').locator('.avatar')).toHaveCount(0);
});

test('several messages are copied as texts, in a group with names', { tag: '@script' }, async ({ person }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const [direct, group] = [await ann.directWith(bob), await ann.groupWith('Choir', [bob])];
  for (const chat of [direct, group]) {
    await bob.say(chat, 'First\n    indented');
    await bob.react(chat, chat === group ? 2 : 1, '👍');
    await ann.say(chat, '```\ncode\n  more\n```');
    await bob.say(chat, 'Last line');
  }
  await ann.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  const copied = async (chat: string) => {
    await ann.open(`/chats/${chat}`);
    await expect(ann.message('Last line')).toBeVisible();
    await ann.timeline.evaluate((timeline) => {
      const texts = timeline.querySelectorAll('.text');
      const range = document.createRange();
      range.setStart(texts[0].firstChild!, 0);
      range.setEnd(texts[2].firstChild!, 'Last'.length);
      getSelection()!.removeAllRanges();
      getSelection()!.addRange(range);
    });
    await ann.page.keyboard.press('Control+c');
    return ann.page.evaluate(() => navigator.clipboard.readText());
  };
  expect(await copied(direct)).toBe('First\n    indented\ncode\n  more\nLast');
  expect(await copied(group)).toBe('Bob: First\n    indented\nAnn: code\n  more\nBob: Last');
});

test('the arrow keys begin at the row in view', { tag: '@script' }, async ({ person }) => {
  const ann = await person('Ann');
  const chat = await ann.savedChat();
  for (let n = 1; n <= 60; n++) await ann.say(chat, `Line ${n}.`);
  await ann.open(`/chats/${chat}?at=20`);
  await expect(ann.message('Line 20.')).toBeInViewport();
  await ann.timeline.focus();
  await ann.page.keyboard.press('ArrowUp');
  const focused = ann.timeline.locator('article:focus');
  await expect(focused).toBeInViewport();
  expect(Number((await focused.innerText()).match(/Line (\d+)/)![1])).toBeLessThan(50);
});

test('the Tab key passes messages without stopping at their icons', { tag: '@script' }, async ({ person }) => {
  const ann = await person('Ann');
  const chat = await ann.savedChat();
  for (let n = 1; n <= 5; n++) await ann.say(chat, `Line ${n}.`);
  await ann.open(`/chats/${chat}`);
  await ann.timeline.focus();
  await ann.page.keyboard.press('Tab');
  expect(await ann.page.evaluate(() => document.activeElement!.closest('.message'))).toBeNull();
});

test('when a control removes itself, the focus stays beside it', { tag: '@script' }, async ({ person, words }) => {
  const ann = await person('Ann');
  const chat = await ann.savedChat();
  await ann.say(chat, 'Hello');
  await ann.react(chat, 1, '👍');
  await ann.open(`/chats/${chat}`);
  await ann.message('Hello').getByRole('button', { name: /👍/ }).focus();
  await ann.page.keyboard.press('Enter');
  await expect(ann.message('Hello').getByRole('button', { name: /👍/ })).toHaveCount(0);
  await expect(ann.message('Hello')).toBeFocused();
  await ann.open(`/chats/${await ann.groupWith('Choir', [])}/info`);
  await ann.press(words.chat.mute_ever);
  await ann.page.getByRole('button', { name: words.chat.unmute, exact: true }).focus();
  await ann.page.keyboard.press('Enter');
  await expect(ann.page.getByRole('button', { name: words.chat.unmute, exact: true })).toHaveCount(0);
  await expect(ann.page.getByRole('button', { name: words.chat.mute_hour })).toBeFocused();
});

test('a press with Ctrl opens a tab instead of acting in place', { tag: ['@script', '@once'] }, async ({ person, words }) => {
  const ann = await person('Ann');
  const chat = await ann.savedChat();
  await ann.say(chat, 'One');
  await ann.say(chat, 'Two', 1);
  await ann.open(`/chats/${chat}`);
  const opened = async (press: Promise<void>, url: RegExp) => {
    const [tab] = await Promise.all([ann.page.context().waitForEvent('page'), press]);
    await expect(tab).toHaveURL(url);
    await tab.close();
  };
  await opened(ann.message('Two').locator('.quote').click({ modifiers: ['Control'] }), /\?at=1/);
  await expect(ann.page).toHaveURL(`/chats/${chat}`);
  await opened(ann.page.getByRole('link', { name: words.chat.only_unread }).click({ modifiers: ['Control'] }), /filter=unread/);
  await expect(ann.page.getByRole('link', { name: words.chat.all, exact: true })).toHaveAttribute('aria-current', 'true');
});

test('the shortcuts work with Caps Lock and on other layouts', { tag: '@script' }, async ({ person, words }) => {
  const ann = await person('Ann');
  await ann.open('/chats');
  const press = (key: string, code: string, more: KeyboardEventInit = {}) =>
    ann.page.evaluate(
      (init) => document.body.dispatchEvent(new KeyboardEvent('keydown', { bubbles: true, cancelable: true, ...init })),
      { key, code, ...more },
    );
  for (const [key, code] of [['k', 'KeyK'], ['K', 'KeyK'], ['л', 'KeyK'], ['κ', 'KeyK'], ['k', 'KeyV']]) {
    await press(key, code, { ctrlKey: true });
    await expect(ann.dialog.getByRole('searchbox')).toBeFocused();
    // One Escape closes the dialog, although its field has text.
    await ann.dialog.getByRole('searchbox').fill('a');
    await ann.page.keyboard.press('Escape');
    await expect(ann.dialog).toHaveCount(0);
  }
  for (const [key, code] of [['?', 'Slash'], [',', 'Slash'], ['?', 'Digit7']]) {
    await press(key, code, { shiftKey: true });
    await expect(ann.dialog).toContainText(words.keys.everywhere);
    await ann.page.keyboard.press('Escape');
    await expect(ann.dialog).toHaveCount(0);
  }
  await press('.', 'Slash');
  await expect(ann.page).toHaveURL('/new');
});

test('ArrowUp does not edit a forwarded message', { tag: '@script' }, async ({ person, words }) => {
  const ann = await person('Ann');
  const [chat, group] = [await ann.savedChat(), await ann.groupWith('Choir', [])];
  await ann.say(group, 'Forwarded');
  await ann.say(chat, 'My own words');
  await ann.open(`/chats/${group}`);
  await ann.act('Forwarded', words.chat.forward);
  await ann.dialog.getByRole('button', { name: words.chat.saved }).click();
  await expect(ann.page.getByText(words.notices.forwarded)).toBeVisible();
  await ann.open(`/chats/${chat}`);
  await expect(ann.message('Forwarded')).toBeVisible();
  await ann.composer.press('ArrowUp');
  await expect(ann.composer).toHaveValue('My own words');
});
