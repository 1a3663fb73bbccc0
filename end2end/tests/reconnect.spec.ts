import { expect, hydrated, test } from '../support/messenger';

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

  test('if no WebSocket opens, messages are sent and received by polling', async ({ person, words }) => {
    const [ann, bob] = [await person('Ann'), await person('Bob')];
    const chat = await ann.directWith(bob);
    let opens = false;
    await ann.page.routeWebSocket(/\/ws$/, (socket) => (opens ? void socket.connectToServer() : socket.close()));
    await ann.page.goto(`/chats/${chat}`);
    await hydrated(ann.page);
    await expect(ann.page.locator('[data-connection]')).toHaveAttribute('data-connection', 'polling');
    await expect(ann.page.getByRole('status').filter({ hasText: words.chat.polling })).toBeVisible();
    await ann.write('By another way');
    await expect(ann.message('By another way')).toContainText(words.chat.sent);

    await bob.open(`/chats/${chat}`);
    await expect(bob.message('By another way')).toBeVisible();
    await bob.write('Received');
    await expect(ann.message('Received')).toBeVisible({ timeout: 10_000 });

    opens = true;
    await ann.page.evaluate(() => dispatchEvent(new Event('online')));
    await expect(ann.page.locator('[data-connection]')).toHaveAttribute('data-connection', 'open');
    await expect(ann.page.getByText(words.chat.polling)).toHaveCount(0);
    for (const { timeline } of [ann, bob]) await expect(timeline.locator('.text')).toHaveText(['By another way', 'Received']);
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
