import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP proxy to the server that can cut, silence or drop the connections of browsers. */
export async function wireToServer(url = process.env.MESSENGER_URL as string) {
  const server = new URL(url);
  const ends = new Set<Socket>();
  let state: 'whole' | 'deaf' | 'cut' = 'whole';
  const silent = new Set<Socket>();

  const listener = createServer((near) => {
    if (state === 'cut') return near.destroy();
    const far = connect(Number(server.port), server.hostname);
    for (const end of [near, far]) {
      ends.add(end);
      end.on('error', () => {});
      end.on('close', () => [near, far].forEach((other) => (other.destroy(), ends.delete(other))));
    }
    near.on('data', (bytes) => silent.has(near) || far.write(bytes));
    far.on('data', (bytes) => state === 'whole' && !silent.has(near) && near.write(bytes));
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');

  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    cut() {
      state = 'cut';
      ends.forEach((end) => end.destroy());
    },
    /** Requests still arrive; responses are lost. */
    loseAnswers() {
      state = 'deaf';
    },
    /** Open connections stay open but carry no more bytes; new connections work. */
    silence() {
      ends.forEach((end) => silent.add(end));
    },
    mend() {
      state = 'whole';
    },
    remove() {
      this.cut();
      listener.close();
    },
  };
}
