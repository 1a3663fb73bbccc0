// Serves the front end offline: the files of one version, and /shell in place of any page. Its cache contains nothing
// personal; a user's data is in IndexedDB (app/src/live/offline.rs).
const version = new URL(location).searchParams.get("v");
const cacheName = `messenger-${version}`;
const files = [
  "/pkg/messenger.js",
  "/pkg/messenger.wasm",
  "/pkg/part.wasm",
  "/pkg/messenger.css",
  "/pkg/texts/en.json",
  "/pkg/texts/ru.json",
  "/boot.js",
  "/controls.js",
  "/gestures.js",
  "/notify.js",
].map((file) => `${file}?v=${version}`);
const others = ["/shell", "/icon.svg", "/icon-unread.svg", "/pattern.svg", "/chats.svg", "/lost.svg", "/manifest.webmanifest"];

/** A page that takes longer than this is treated as unreachable. */
const PATIENCE_MS = 5_000;

addEventListener("install", (event) => {
  event.waitUntil(fill().then(() => skipWaiting()));
});

addEventListener("activate", (event) => {
  event.waitUntil(forgetOlder().then(() => clients.claim()));
});

addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname, search } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode === "navigate") {
    if (!pathname.startsWith("/api")) event.respondWith(page(request));
  } else if (files.includes(pathname + search) || others.includes(pathname)) {
    event.respondWith(file(request));
  }
});

// Shows the chat in a page that is open, or opens one.
addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data));
});

async function open(url) {
  const pages = await clients.matchAll({ type: "window" });
  const page = pages.find((page) => page.focused) ?? pages[0];
  if (!page) return clients.openWindow(url);
  await page.focus();
  page.postMessage(url);
}

async function fill() {
  const cache = await caches.open(cacheName);
  const shell = await fetch("/shell", { cache: "reload" });
  // The server was upgraded in between: the next page registers its version.
  if (!(await shell.clone().text()).includes(version)) throw new Error("the server has another version");
  await cache.put("/shell", shell);
  await cache.addAll([...files, ...others.slice(1)]);
}

async function forgetOlder() {
  const older = (await caches.keys()).filter((name) => name !== cacheName);
  await Promise.all(older.map((name) => caches.delete(name)));
}

async function file(request) {
  const cache = await caches.open(cacheName);
  return (await cache.match(request)) ?? fetch(request);
}

/** The server's page, or the shell, which shows the data on the device, if the server sends none. */
async function page(request) {
  const cache = await caches.open(cacheName);
  const shell = () => cache.match("/shell");
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  try {
    const answer = await Promise.race([fetch(request), late]);
    // A JSON response, such as that of /readyz, is not a page: return it as it is.
    const isJson = answer?.headers.get("content-type")?.includes("json");
    if (answer && (isJson || ![502, 503, 504].includes(answer.status))) return answer;
    return (await shell()) ?? answer ?? (await fetch(request));
  } catch (error) {
    return (await shell()) ?? Promise.reject(error);
  }
}
