import { expect, test } from '../support/messenger';

test.describe('when the connection is lost', { tag: '@script' }, () => {
  test('a message waits in the outbox and is delivered once', async ({ person, wire, words }) => {
    const [ann, bob] = [await person('Ann', { baseURL: wire.url }), await person('Bob')];
    await ann.talkingWith(bob);
    await ann.write('Before');
    await expect(bob.message('Before')).toBeVisible();

    ann.expects(/WebSocket connection|ERR_(CONNECTION|EMPTY|INTERNET)/);
    await ann.page.context().setOffline(true);
    wire.cut();
    await expect(ann.page.locator('[data-connection]')).toHaveText(words.chat.connecting);
    await ann.write('Meanwhile');
    await ann.write('Afterwards');
    await expect(ann.message('Meanwhile')).toContainText(words.chat.sending);
    await expect(ann.message('Afterwards')).toContainText(words.chat.sending);
    await bob.write('From the other side');

    wire.mend();
    await ann.page.context().setOffline(false);
    await expect(ann.message('Afterwards')).toContainText(words.chat.read);
    const said = ['Before', 'From the other side', 'Meanwhile', 'Afterwards'];
    for (const { timeline } of [ann, bob]) await expect(timeline.locator('.text')).toHaveText(said);
    await expect(ann.page.locator('[data-connection]')).toHaveText('');
  });

  test('a message whose ack was lost is stored once', async ({ person, wire, words }) => {
    const [ann, bob] = [await person('Ann', { baseURL: wire.url }), await person('Bob')];
    await ann.talkingWith(bob);
    await ann.write('Before');
    await expect(ann.message('Before')).toContainText(words.chat.read);

    ann.expects(/WebSocket connection|ERR_(CONNECTION|EMPTY)/);
    wire.loseAnswers();
    await ann.write('Stored, but who knows?');
    await expect(bob.message('Stored, but who knows?')).toBeVisible();
    await expect(ann.message('Stored, but who knows?')).toContainText(words.chat.sending);
    wire.cut();
    wire.mend();
    await expect(ann.message('Stored, but who knows?')).not.toContainText(words.chat.sending);
    await bob.write('I saw it');
    await expect(ann.message('I saw it')).toBeVisible();
    for (const { timeline } of [ann, bob]) await expect(timeline.getByRole('article')).toHaveCount(3);
  });
});
