import { defineConfig } from '@playwright/test';
import type { Options } from './support/messenger';

const desktop = { width: 1280, height: 800 };
const phone = { width: 390, height: 844 };

// The four projects cover both sizes, both languages, and JavaScript on and off: each pair of these values occurs in
// one of them. Tags restrict a test: @script needs JavaScript, @plain needs its absence, @once runs in one project.
// Measurements run alone.
const alone = /latency|history|busy/;

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
    // A service worker downloads the whole front end once more in each new browser: offline.spec.ts tests it.
    serviceWorkers: 'block',
    actionTimeout: 10_000,
    navigationTimeout: 20_000,
    screenshot: 'only-on-failure',
  },
  projects: [
    {
      name: 'desktop',
      testIgnore: [/screenshots/, alone],
      grepInvert: /@plain/,
      use: { language: 'en', viewport: desktop },
    },
    {
      name: 'phone',
      testIgnore: [/screenshots/, alone],
      grepInvert: /@plain|@once/,
      use: { language: 'ru', viewport: phone },
    },
    {
      name: 'desktop-plain',
      testIgnore: [/screenshots/, alone],
      grepInvert: /@script|@once/,
      use: { language: 'ru', viewport: desktop, javaScriptEnabled: false },
    },
    {
      name: 'phone-plain',
      testIgnore: [/screenshots/, alone],
      grepInvert: /@script|@once/,
      use: { language: 'en', viewport: phone, javaScriptEnabled: false },
    },
    { name: 'screenshots', testMatch: /screenshots/, use: { language: 'en', viewport: desktop } },
    // Runs last, so that no other test takes CPU time from it; `--no-deps` runs it alone.
    {
      name: 'latency',
      testMatch: alone,
      workers: 1,
      dependencies: ['desktop', 'phone', 'desktop-plain', 'phone-plain', 'screenshots'],
      use: { language: 'en', viewport: desktop },
    },
  ],
});
