import type { Page } from '@playwright/test';

/** Sends many messages over one socket of the browser's, and waits until all are acknowledged. */
export async function flood(page: Page, chat: string, texts: string[]) {
  await page.evaluate(
    ([chat, texts]) =>
      new Promise<void>((done, failed) => {
        const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/ws`, 'messenger.v1');
        const [most, ids] = [48, texts.map(() => crypto.randomUUID())];
        let [sent, acknowledged] = [0, 0];
        const send = () => {
          for (; sent < texts.length && sent - acknowledged < most; sent++) {
            const frame = { type: 'send', ref: sent, chat_id: chat, client_id: ids[sent], text: texts[sent] };
            socket.send(JSON.stringify(frame));
          }
        };
        socket.onmessage = ({ data }) => {
          const { type, ref, message } = JSON.parse(data);
          if (type === 'ready') send();
          if (type === 'error') failed(new Error(`${texts[ref]}: ${message}`));
          if (type !== 'ack') return;
          acknowledged++;
          if (acknowledged < texts.length) return send();
          socket.close();
          done();
        };
        socket.onclose = () => failed(new Error('the socket closed'));
      }),
    [chat, texts] as const,
  );
}
