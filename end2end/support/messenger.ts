import { test as base, expect, type BrowserContext, type BrowserContextOptions, type Locator, type Page } from '@playwright/test';
import en from '../../app/locales/en.json';
import ru from '../../app/locales/ru.json';
import { expectedOf, Person } from './person';
import { wireToServer } from './wire';

export { expect, Person };
export type Language = 'en' | 'ru';
export type Words = typeof en;
export const wordsOf: Record<Language, Words> = { en, ru: ru as unknown as Words };

export interface Options {
  language: Language;
}

interface Fixtures {
  words: Words;
  /** The browser runs no JavaScript. */
  plain: boolean;
  /** A browser of somebody's own; what it complains of fails the test. */
  browserOf: (options?: BrowserContextOptions) => Promise<Page>;
  /** Somebody with an account, signed in in a browser of their own. */
  person: (name: string, options?: BrowserContextOptions) => Promise<Person>;
  /** A wire to the server, for those who lose their connection. */
  wire: Awaited<ReturnType<typeof wireToServer>>;
}

export const test = base.extend<Options & Fixtures>({
  language: ['en', { option: true }],
  locale: ({ language }, use) => use(language === 'ru' ? 'ru-RU' : 'en-US'),
  baseURL: ({}, use) => use(process.env.MESSENGER_URL),
  words: ({ language }, use) => use(wordsOf[language]),
  plain: ({ javaScriptEnabled }, use) => use(!javaScriptEnabled),

  browserOf: async ({ browser, plain }, use) => {
    const complaints: string[] = [];
    const contexts: BrowserContext[] = [];
    // A page that says no has a status that Chromium tells of.
    const expected = [/^Failed to load resource: .* status of (401|404|409|422) /];
    // Without JavaScript nobody uses the WASM that the page announces.
    if (plain) expected.push(/was preloaded using link preload but not used/);
    await use(async (options) => {
      const context = await browser.newContext(options);
      contexts.push(context);
      const page = await context.newPage();
      const complain = (said: string) => complaints.push(`${page.url()}: ${said}`);
      page.on('pageerror', (error) => complain(String(error)));
      page.on('console', (message) => {
        const known = [...expected, ...(expectedOf.get(page) ?? [])].some((known) => known.test(message.text()));
        if (['error', 'warning'].includes(message.type()) && !known) complain(message.text());
      });
      return page;
    });
    // What they say of being closed is no complaint. Left open, they would go on working beside later tests.
    const complained = [...complaints];
    await Promise.all(contexts.map((context) => context.close()));
    expect(complained, 'what the browsers complained of').toEqual([]);
  },

  person: async ({ browserOf, words, plain }, use) => {
    await use(async (name, options) => {
      // Whoever comes by a wire still has the account made beside it.
      const person = new Person(await browserOf(options), words, plain, name, options?.baseURL);
      await person.register();
      return person;
    });
  },

  wire: async ({}, use) => {
    const wire = await wireToServer();
    await use(wire);
    wire.remove();
  },
});

/** Waits until a page is the browser's own, where there is JavaScript. */
export async function hydrated(page: Page) {
  await expect(page.locator('html')).toHaveAttribute('data-hydrated', '');
}

/** The text of a locale file with its blanks filled in. */
export function filled(text: string, blanks: Record<string, string | number>): string {
  return text.replace(/\{\{ (\w+) \}\}/g, (_, name) => String(blanks[name]));
}

/** What the locale file says for a number: `counted(words.groups.members_count, 3, language)`. */
export function counted(forms: Record<string, string>, count: number, language: Language): string {
  return filled(forms[new Intl.PluralRules(language).select(count)] ?? forms.many, { count });
}

export type { Locator, Page };
