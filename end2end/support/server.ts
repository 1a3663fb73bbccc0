import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** Starts one server of our own for all tests, on a free port and an empty folder, and stops it after them. */
export default async function startServer() {
  const repository = resolve(__dirname, '../..');
  const binary = process.env.MESSENGER_BIN ?? join(repository, 'target/release/messenger');
  const site = process.env.MESSENGER_SITE_DIR ?? join(repository, 'target/site');
  const folder = await mkdtemp(join(tmpdir(), 'messenger-e2e-'));
  // PostgreSQL runs as somebody else where we are root, and passes through.
  await chmod(folder, 0o755);

  const { DATABASE_URL, ...env } = process.env;
  const args = ['serve', '--listen', '127.0.0.1:0', '--data-dir', join(folder, 'data'), '--site-dir', site];
  const server = spawn(binary, [...args, '--limits', 'off'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(server, 'exit');
  let said = '';
  const address = new Promise<string>((found, failed) => {
    const listen = (bytes: Buffer) => {
      said += bytes;
      const match = said.match(/at (http:\/\/[\d.:]+)/);
      if (match) found(match[1]);
    };
    server.stdout.on('data', listen);
    server.stderr.on('data', listen);
    server.once('error', failed);
    server.once('exit', (code) => failed(new Error(`${binary} ended with ${code}:\n${said}`)));
  });
  process.env.MESSENGER_URL = await address;

  return async () => {
    server.kill('SIGINT');
    const [code] = await exited;
    await rm(folder, { recursive: true });
    if (code !== 0) throw new Error(`The server did not stop cleanly (${code}):\n${said}`);
    if (/ ERROR |panicked/.test(said)) throw new Error(`The server complained:\n${said}`);
  };
}
