import { expect, test } from '../support/messenger';

test('files of one version are never requested again', async ({ person }) => {
  const ann = await person('Ann');
  await ann.open('/chats');
  const files = await ann.page.locator('link[href*="?v="], script[src*="?v="]').evaluateAll((links) =>
    links.map((link) => link.getAttribute('href') ?? link.getAttribute('src') ?? ''),
  );
  expect(files.length).toBeGreaterThanOrEqual(4);
  for (const file of files) {
    const answer = await ann.page.request.get(file);
    expect(answer.headers()['cache-control'], file).toBe('public, max-age=31536000, immutable');
  }
  for (const [file, caching] of [
    ['/service-worker.js', 'no-cache'],
    ['/boot.js', 'no-cache'],
    ['/icon.svg', 'public, max-age=3600'],
    ['/emoji/en.txt', 'public, max-age=3600'],
  ]) {
    const answer = await ann.page.request.get(file);
    expect(answer.headers()['cache-control'], file).toBe(caching);
  }
});
