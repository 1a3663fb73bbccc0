import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const repository = resolve(__dirname, '../..');
export const builtSite = process.env.MESSENGER_SITE_DIR ?? join(repository, 'target/site');

/** A server with a new, empty data directory. */
export class Server {
  url = '';
  private said = '';
  private child!: ChildProcess;

  private constructor(
    private readonly folder: string,
    private readonly site: string,
  ) {}

  static async start(site = builtSite): Promise<Server> {
    const folder = await mkdtemp(join(tmpdir(), 'messenger-e2e-'));
    // As root, PostgreSQL runs as another user, which must be able to enter.
    await chmod(folder, 0o755);
    const server = new Server(folder, site);
    await server.run('127.0.0.1:0');
    return server;
  }

  /** `kill -9`. */
  async kill() {
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }

  /** Starts again at the same address. */
  async restart() {
    await this.run(new URL(this.url).host);
  }

  async stop() {
    this.child.kill('SIGINT');
    const [code] = await once(this.child, 'exit');
    await rm(this.folder, { recursive: true });
    if (code !== 0) throw new Error(`The server did not stop cleanly (${code}):\n${this.said}`);
    if (/ ERROR |panicked/.test(this.said)) throw new Error(`The server complained:\n${this.said}`);
  }

  private async run(listen: string) {
    const binary = process.env.MESSENGER_BIN ?? join(repository, 'target/release/messenger');
    const { DATABASE_URL, ...env } = process.env;
    const args = ['serve', '--listen', listen, '--data-dir', join(this.folder, 'data'), '--site-dir', this.site];
    this.child = spawn(binary, [...args, '--limits', 'off'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.url = await new Promise<string>((found, failed) => {
      const listen = (bytes: Buffer) => {
        this.said += bytes;
        const match = String(bytes).match(/at (http:\/\/[\d.:]+)/);
        if (match) found(match[1]);
      };
      this.child.stdout?.on('data', listen);
      this.child.stderr?.on('data', listen);
      this.child.once('error', failed);
      this.child.once('exit', (code) => failed(new Error(`${binary} ended with ${code}:\n${this.said}`)));
    });
  }
}

/** Starts one server for all tests, and stops it after them. */
export default async function startServer() {
  const server = await Server.start();
  process.env.MESSENGER_URL = server.url;
  return () => server.stop();
}
