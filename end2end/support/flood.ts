import type { Page } from '@playwright/test';

const UNACKNOWLEDGED = 48;
const TICK_MS = 20;

/** Sends texts over one socket of the page, at most `perSecond` a second, and waits until all are acknowledged. */
export async function flood(page: Page, chat: string, texts: string[], perSecond = Infinity) {
  await page.evaluate(
    ([chat, texts, perSecond, unacknowledged, tick]) =>
      new Promise<void>((done, failed) => {
        const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/ws`, 'messenger.v1');
        const ids = texts.map(() => crypto.randomUUID());
        let [sent, acknowledged, began] = [0, 0, 0];
        const send = () => {
          const elapsed = (performance.now() - began) / 1_000;
          const due = Math.min(texts.length, Math.ceil(elapsed * perSecond));
          for (; sent < due && sent - acknowledged < unacknowledged; sent++) {
            const frame = { type: 'send', ref: sent, chat_id: chat, client_id: ids[sent], text: texts[sent] };
            socket.send(JSON.stringify(frame));
          }
        };
        const timer = setInterval(() => began && send(), tick);
        socket.onmessage = ({ data }) => {
          const { type, ref, message } = JSON.parse(data);
          if (type === 'ready') began = performance.now();
          if (type === 'error') failed(new Error(`${texts[ref]}: ${message}`));
          if (type === 'ack') acknowledged++;
          if (began) send();
          if (acknowledged < texts.length) return;
          clearInterval(timer);
          socket.close();
          done();
        };
        socket.onclose = () => failed(new Error('the socket closed'));
      }),
    [chat, texts, perSecond, UNACKNOWLEDGED, TICK_MS] as const,
  );
}
