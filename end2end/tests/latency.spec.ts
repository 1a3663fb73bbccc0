import { expect, test } from '../support/messenger';

const warmUp = 15;
const samples = 60;
// The goal is 50 ms on an idle machine. The bound catches a regression, not a busy machine.
const bound = { p50: 200, p95: 1_000 };

test('from Enter to the other screen', async ({ person }) => {
  const [ann, bob] = [await person('Ann'), await person('Bob')];
  const chat = await ann.directWith(bob);
  await ann.say(chat, 'Hello');
  await ann.open(`/chats/${chat}`);
  await bob.open(`/chats/${chat}`);
  await ann.page.evaluate(noteEnters);
  await bob.page.evaluate(notePaintedMessages);

  for (let n = 1; n <= warmUp + samples; n++) {
    await ann.composer.fill(`Sample ${n}`);
    await ann.composer.press('Enter');
    await expect.poll(() => bob.page.evaluate(() => noted.length), { intervals: [20] }).toBe(n);
  }
  const pressed = await ann.page.evaluate(() => noted);
  const painted = await bob.page.evaluate(() => noted);
  const taken = painted.map((time, n) => time - pressed[n]).slice(warmUp);
  taken.sort((a, b) => a - b);
  const at = (share: number) => taken[Math.floor(taken.length * share)];
  const [p50, p95] = [at(0.5), at(0.95)];
  const said = `From Enter to the other user's screen: p50 ${p50.toFixed(1)} ms, p95 ${p95.toFixed(1)} ms (${taken.length} messages)`;
  console.log(said);
  test.info().annotations.push({ type: 'latency', description: said });
  expect(taken).toHaveLength(samples);
  expect(taken[0], 'the clocks of both pages agree').toBeGreaterThan(0);
  expect(p50).toBeLessThan(bound.p50);
  expect(p95).toBeLessThan(bound.p95);
});

/** Times in milliseconds since 1970; both pages read the same clock of this machine. */
declare let noted: number[];

function noteEnters() {
  Object.assign(window, { noted: [] });
  const note = (event: KeyboardEvent) => event.key === 'Enter' && noted.push(performance.timeOrigin + performance.now());
  document.addEventListener('keydown', note, { capture: true });
}

function notePaintedMessages() {
  Object.assign(window, { noted: [] });
  const log = document.querySelector('[role=log]') as Element;
  let seen = log.querySelectorAll('article').length;
  // A task queued during a frame runs after that frame is painted.
  const afterPaint = (then: () => void) =>
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = then;
      port2.postMessage(null);
    });
  const look = () => {
    for (const count = log.querySelectorAll('article').length; seen < count; seen++) {
      afterPaint(() => noted.push(performance.timeOrigin + performance.now()));
    }
  };
  new MutationObserver(look).observe(log, { childList: true, subtree: true });
}
