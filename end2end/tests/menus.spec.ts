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
  await ann.press(`${words.groups.remove} Bob`);
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
