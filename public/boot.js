// Starts the front end. The text being typed is kept here, not in the WASM, so that it survives a crash of the WASM.
const root = document.documentElement;
const version = root.dataset.version;
const of = (file) => (version ? `${file}?v=${version}` : file);

// The server renders the times of later pages in this zone.
const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
if (timeZone) document.cookie = `zone=${timeZone}; path=/; max-age=31536000; samesite=lax`;

addEventListener("input", ({ target }) => {
  // In Firefox and Safari a field does not grow with its text. A hidden copy of the text gives the field its height.
  if (target.matches(".composer-input")) target.parentElement.dataset.text = target.value;
  // The text of an edited message is in the field only until the draft returns.
  if (!target.matches(".composer-input:not([data-editing])")) return;
  try {
    sessionStorage.setItem(`draft:${root.dataset.person ?? ""}:${location.pathname}`, target.value);
  } catch {
    // A browser without storage still has the text in the field.
  }
});

// The browser closes a menu when the user presses outside it; a pressed link in it closes it too.
addEventListener("click", ({ target }) => target.closest("[popover] a")?.closest("[popover]").hidePopover());

// A panic of the front end is a trap. The style sheet shows the notice `.crashed`, which has a link to reload.
for (const kind of ["error", "unhandledrejection"]) {
  addEventListener(kind, ({ error, reason }) => {
    if ((error ?? reason) instanceof WebAssembly.RuntimeError) root.dataset.crashed = "";
  });
}

// The clipboard is available over https only.
if (isSecureContext) root.dataset.secure = "";

// The response to a refused form is a page under the address of the form's action: show the page's own address.
if (root.dataset.address) history.replaceState(null, "", root.dataset.address);

// The forms of a deferred page (app/src/shell.rs) work without the front end. If the device still stores the data of a
// user, the front end deletes them at once.
if (root.hasAttribute("data-deferred") && !storesData()) await inUse();

// Called by the front end (app/src/ui/notification.rs).
globalThis.notify = (act, detail) => import(of("/notify.js")).then((notify) => notify[act](detail));

const [{ default: init, hydrate, instantiatePart }] = await Promise.all(
  ["/pkg/messenger.js", "/controls.js"].map((file) => import(of(file))),
);
// Called by the front end (app/src/part.rs).
let part;
globalThis.loadPart = () => (part ??= loadPart());
await init({ module_or_path: of("/pkg/messenger.wasm") });
hydrate();

// A click on a notification of the service worker.
navigator.serviceWorker?.addEventListener("message", ({ data }) => notify("open", data));

// Gestures need a touch screen.
if (navigator.maxTouchPoints) import(of("/gestures.js"));

// A debug build has no version, because its files change.
if (version && "serviceWorker" in navigator) {
  navigator.serviceWorker.register(`/service-worker.js?v=${version}`).catch(() => {});
}

/** Loads the part (app/src/part.rs). A debug build has none. Fails if the server has another version. */
async function loadPart() {
  if (!version) return;
  for (;;) {
    const response = await fetch(of("/pkg/part.wasm")).catch(() => {});
    if (response?.ok) return instantiatePart?.(response);
    if (response?.status === 404) throw new Error("no part of this version");
    await new Promise((again) => setTimeout(again, 2_000));
  }
}

/** Waits until the user enters a field or presses a key. */
function inUse() {
  if (document.activeElement !== document.body) return;
  return new Promise((start) => {
    for (const event of ["focusin", "input", "keydown"]) addEventListener(event, start, { once: true });
  });
}

/** Whether this device stores a user's data (app/src/live/offline.rs). */
function storesData() {
  try {
    return localStorage.getItem("person") !== null;
  } catch {
    return false;
  }
}
