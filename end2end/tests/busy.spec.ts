import type { CDPSession } from '@playwright/test';
import { flood } from '../support/flood';
import { expect, test, type Page } from '../support/messenger';

const MB = 1_048_576;
/** The most work of a burst, compared with `showPlainly`. */
const WORK_MOST = 10;

test('a burst in another chat leaves the page smooth', async ({ person }) => {
  const [perSecond, seconds] = [100, 10];
  const [ann, bob] = [await person('Ann'), await person('Bob', { bypassCSP: true })];
  const [read, busy] = [await ann.savedChat(), await ann.directWith(bob)];
  for (let n = 1; n <= 40; n++) await ann.say(read, `Note ${n} that is being read`);
  await bob.say(busy, 'Hello');
  await ann.open(`/chats/${read}`);
  // A page without scripts, so that the sender uses almost no CPU time.
  await bob.page.goto('/healthz');

  const renderer = await ann.page.context().newCDPSession(ann.page);
  // CPU time of the main thread: other processes of the machine do not count.
  await renderer.send('Performance.enable', { timeDomain: 'threadTicks' });
  const texts = Array.from({ length: perSecond * seconds }, (_, n) => `Burst ${n + 1}`);
  await ann.page.evaluate(startCountingFrames);
  const framesDrawn = () => ann.page.evaluate(() => framesSeen.length);
  const idle = await watched(ann.page, renderer, () => expect.poll(framesDrawn).toBeGreaterThan(120));
  // The speed of the machine changes from minute to minute, so the burst is compared with work done before and after it.
  const before = await watched(ann.page, renderer, () => ann.page.evaluate(showPlainly, 10_000));
  const burst = await watched(ann.page, renderer, () => flood(bob.page, busy, texts, perSecond));
  await expect(ann.row('Bob')).toContainText(texts[texts.length - 1]);
  const after = await watched(ann.page, renderer, () => ann.page.evaluate(showPlainly, 10_000));

  const work = burst.busy / ((before.busy + after.busy) / 2);
  console.log(
    `${texts.length} messages in ${burst.took.toFixed(1)} s in another chat: ${burst.fps.toFixed(0)} frames/s (idle ${idle.fps.toFixed(0)}), ` +
      `main thread ${((100 * burst.busy) / burst.took).toFixed(0)} % of a core, ${work.toFixed(1)} times 10000 plain texts`,
  );
  expect(burst.took, 'the burst kept its rate').toBeLessThan(2 * seconds);
  expect(burst.fps).toBeGreaterThan(0.7 * idle.fps);
  expect(work).toBeLessThan(WORK_MOST);
});

test('half an hour of a busy chat, compressed, does not fill the memory', async ({ person }) => {
  test.setTimeout(600_000);
  // Three messages a second for 30 minutes, sent as fast as the page keeps up.
  const [all, portion] = [3 * 30 * 60, 450];
  // Without a graphics card, most of the time would go into drawing a large page.
  const [ann, bob] = [await person('Ann', { viewport: { width: 400, height: 500 } }), await person('Bob', { bypassCSP: true })];
  const chat = await ann.directWith(bob);
  await bob.page.goto('/healthz');
  await flood(bob.page, chat, Array.from({ length: portion }, (_, n) => `Before ${n + 1}`));
  await ann.read(chat, portion);
  await ann.page.addInitScript(rememberMemories);
  await ann.open(`/chats/${chat}`);
  await expect(ann.page.locator(`#m${portion}`)).toBeInViewport();

  const renderer = await ann.page.context().newCDPSession(ann.page);
  const before = await memory(ann.page, renderer);
  expect(before.wasm).toBeGreaterThan(0);
  const began = performance.now();
  for (let sent = 0; sent < all; sent += portion) {
    await flood(bob.page, chat, Array.from({ length: portion }, (_, n) => `Message ${sent + n + 1} of a busy chat, as long as most are`));
    await expect(ann.page.locator(`#m${portion + sent + portion}`)).toBeInViewport({ timeout: 60_000 });
  }
  const took = (performance.now() - began) / 1_000;
  const after = await memory(ann.page, renderer);
  const [heap, wasm] = [after.heap - before.heap, after.wasm - before.wasm];
  console.log(
    `${all} messages (30 min at 3 a second) in ${took.toFixed(0)} s: heap ${signed(heap)} MB and WASM memory ${signed(wasm)} MB, ` +
      `from ${before.heap.toFixed(1)} and ${before.wasm.toFixed(1)} MB (goal +20 MB together)`,
  );
  expect(heap + wasm).toBeLessThanOrEqual(10);
  expect((await ann.summary(chat)).last_no).toBe(portion + all);
});

/** Timestamps of the frames that the page has drawn since `startCountingFrames`. */
declare let framesSeen: number[];

function startCountingFrames() {
  Object.assign(window, { framesSeen: [] });
  const count = (time: number) => (framesSeen.push(time), requestAnimationFrame(count));
  requestAnimationFrame(count);
}

/** The work of a page without a framework: it parses and shows one message after the other. */
function showPlainly(messages: number) {
  const shown = document.body.appendChild(document.createElement('p'));
  shown.style.cssText = 'position: fixed; contain: strict; width: 300px; height: 40px';
  for (let no = 1; no <= messages; no++) {
    const { text } = JSON.parse(`{"type":"message","seq":${no},"message":{"no":${no},"text":"Burst ${no}"}}`).message;
    shown.textContent = text;
    // Reading the size makes the browser compute the layout.
    if (shown.scrollHeight < 0) throw new Error('no layout');
  }
  shown.remove();
}

/** The duration of an action in seconds, the CPU time of the page's main thread in it, and the frames per second. */
async function watched(page: Page, renderer: CDPSession, act: () => Promise<unknown>) {
  const state = async () => {
    const { metrics } = await renderer.send('Performance.getMetrics');
    const busy = metrics.find(({ name }) => name === 'TaskDuration')!.value;
    return { busy, at: performance.now(), frames: await page.evaluate(() => framesSeen.length) };
  };
  const before = await state();
  await act();
  const after = await state();
  const took = (after.at - before.at) / 1_000;
  return { took, busy: after.busy - before.busy, fps: (after.frames - before.frames) / took };
}

/** The memories of the page's WASM modules. */
declare let memories: WebAssembly.Memory[];

function rememberMemories() {
  Object.assign(window, { memories: [] });
  const { instantiateStreaming } = WebAssembly;
  WebAssembly.instantiateStreaming = async (...source) => {
    const result = await instantiateStreaming(...source);
    const { memory } = result.instance.exports;
    if (memory) memories.push(memory as WebAssembly.Memory);
    return result;
  };
}

/** Megabytes in use after a collection: the heap of JavaScript and the DOM, and the memories of WASM. */
async function memory(page: Page, renderer: CDPSession) {
  // Frames in flight still reference removed elements.
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  await renderer.send('HeapProfiler.collectGarbage');
  const heap = (await renderer.send('Runtime.getHeapUsage')) as { usedSize: number; embedderHeapUsedSize?: number };
  const bytes = await page.evaluate(() => memories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0));
  return { heap: (heap.usedSize + (heap.embedderHeapUsedSize ?? 0)) / MB, wasm: bytes / MB };
}

function signed(megabytes: number): string {
  return `${megabytes >= 0 ? '+' : ''}${megabytes.toFixed(1)}`;
}
