import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Texts that an attacker might send to break or block a page. */
export const hostile = [
  '*_'.repeat(1_000) + 'deep',
  '>'.repeat(1_000) + 'quoted',
  '[*`'.repeat(2_600) + 'open',
  'www.-'.repeat(1_600),
  'www.a.b)'.repeat(1_000),
  '[]('.repeat(2_600),
  '```a\n'.repeat(1_600),
  '@someone'.repeat(1_000),
  'e' + '\u0301'.repeat(7_900),
  '\u200B'.repeat(500) + 'zero' + '\u202E'.repeat(500) + 'bidi',
  'x'.repeat(7_999),
  'https://example.org/' + 'y'.repeat(7_900),
  '👩‍💻'.repeat(100),
  '<script>document.title = "owned"</script>',
  '[x](javascript:document.title="owned") [y](https://example.org/"onmouseover="document.title=1)',
];

const data = resolve(__dirname, '../..', process.env.DEMO_DATA ?? '../shared/data');
const files = ['en', 'ru'].map((language) => join(data, `conversations.${language}.tsv.xz`));

/** `count` texts of recorded conversations, or generated ones if the recordings are missing; and their source. */
export function conversation(count: number): { texts: string[]; source: string } {
  if (!files.every((file) => existsSync(file))) {
    return { texts: Array.from({ length: count }, (_, n) => madeUp(n + 1)), source: `made up, as ${data} has no conversations` };
  }
  const [english, russian] = files.map(read);
  const texts = Array.from({ length: count }, (_, n) => {
    const of = n % 2 ? russian : english;
    return of[(n >> 1) % of.length];
  });
  return { texts, source: 'real conversations' };
}

function read(file: string): string[] {
  const rows = execFileSync('xz', ['--decompress', '--stdout', file], { encoding: 'utf8', maxBuffer: 2 ** 30 }).split('\n');
  const texts = rows.map((row) => (row.split('\t')[3] ?? '').replace(/[\0-\x1F\x7F-\x9F]/g, '').trim());
  return texts.filter((text) => text && text.length <= 8_000);
}

const words = 'a conversation that has gone on for years, about everything and nothing'.split(' ');

function madeUp(n: number): string {
  return `Note ${n}. ${words.slice(0, (n * 7) % words.length).join(' ')}${n % 9 ? '' : '\n\nwith `more` to it'}`;
}
