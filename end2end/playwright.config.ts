import { defineConfig } from '@playwright/test';
import type { Options } from './support/messenger';

const desktop = { width: 1280, height: 800 };
const phone = { width: 390, height: 844 };

// Each journey meets both sizes, both languages, and a browser with and without JavaScript, and
// every two of these together. Tags keep apart what only one of them can do:
// @script needs JavaScript, @plain is about its absence, @once is the same in all of them.
const everywhere = /screenshots|latency|history/;

export default defineConfig<Options>({
  testDir: 'tests',
  globalSetup: './support/server.ts',
  fullyParallel: true,
  workers: 2,
  retries: 0,
  forbidOnly: true,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: 'list',
  use: {
    launchOptions: {
      executablePath: process.env.CHROMIUM_PATH || undefined,
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    },
    actionTimeout: 10_000,
    navigationTimeout: 20_000,
    screenshot: 'only-on-failure',
  },
  projects: [
    {
      name: 'desktop',
      testIgnore: everywhere,
      grepInvert: /@plain/,
      use: { language: 'en', viewport: desktop },
    },
    {
      name: 'phone',
      testIgnore: everywhere,
      grepInvert: /@plain|@once/,
      use: { language: 'ru', viewport: phone },
    },
    {
      name: 'desktop-plain',
      testIgnore: everywhere,
      grepInvert: /@script|@once/,
      use: { language: 'ru', viewport: desktop, javaScriptEnabled: false },
    },
    {
      name: 'phone-plain',
      testIgnore: everywhere,
      grepInvert: /@script|@once/,
      use: { language: 'en', viewport: phone, javaScriptEnabled: false },
    },
    { name: 'screenshots', testMatch: /screenshots/, use: { language: 'en', viewport: desktop } },
    // Alone and last, so that nothing else costs it time; `--no-deps` runs it by itself.
    {
      name: 'latency',
      testMatch: /latency|history/,
      dependencies: ['desktop', 'phone', 'desktop-plain', 'phone-plain', 'screenshots'],
      use: { language: 'en', viewport: desktop },
    },
  ],
});
