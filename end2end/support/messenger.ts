import { test as base, expect, type BrowserContext, type BrowserContextOptions, type Locator, type Page } from '@playwright/test';
import en from '../../app/locales/en.json';
import ru from '../../app/locales/ru.json';
import { expectedOf, hydrated, Person } from './person';
import { wireToServer } from './wire';

export { expect, hydrated, Person };
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
  /** A new browser context. An unexpected warning or error in its console fails the test. */
  browserOf: (options?: BrowserContextOptions) => Promise<Page>;
  /** A registered user, signed in in a browser context of their own. */
  person: (name: string, options?: BrowserContextOptions) => Promise<Person>;
  /** A proxy to the server that can cut the connection. */
  wire: Awaited<ReturnType<typeof wireToServer>>;
}

export const test = base.extend<Options & Fixtures>({
  language: ['en', { option: true }],
  locale: ({ language }, use) => use(language === 'ru' ? 'ru-RU' : 'en-US'),
  baseURL: ({}, use) => use(process.env.MESSENGER_URL),
  words: ({ language }, use) => use(wordsOf[language]),
  plain: ({ javaScriptEnabled }, use) => use(!javaScriptEnabled),

  browserOf: async ({ browser, plain, serviceWorkers }, use) => {
    const complaints: string[] = [];
    const contexts: BrowserContext[] = [];
    // Chromium logs every response with an error status.
    const expected = [/^Failed to load resource: .* status of (401|404|409|422) /];
    // Without JavaScript, the preloaded WASM is not used.
    if (plain) expected.push(/was preloaded using link preload but not used/);
    if (serviceWorkers === 'block') expected.push(/^Service Worker registration blocked by Playwright$/);
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
    // Copy first: closing may log more. Open contexts would take CPU time from later tests.
    const complained = [...complaints];
    await Promise.all(contexts.map((context) => context.close()));
    expect(complained, 'warnings and errors in the console').toEqual([]);
  },

  person: async ({ browserOf, words, plain }, use) => {
    await use(async (name, options) => {
      // A user behind the proxy registers through the proxy's address too.
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

/** A text of a locale file with its placeholders filled in. */
export function filled(text: string, blanks: Record<string, string | number>): string {
  return text.replace(/\{\{ (\w+) \}\}/g, (_, name) => String(blanks[name]));
}

/** A plural form with its count filled in: `counted(words.groups.members_count, 3, language)`. */
export function counted(forms: Record<string, string>, count: number, language: Language): string {
  return filled(forms[new Intl.PluralRules(language).select(count)] ?? forms.many, { count });
}

export type { Locator, Page };
