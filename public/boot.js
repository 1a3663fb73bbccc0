// Starts the front end. The text being typed is kept here, not in the WASM, so that it survives a crash of the WASM.
const root = document.documentElement;
const version = root.dataset.version;
/** A server that takes longer than this is treated as unreachable. */
const PATIENCE_MS = 5_000;
const of = (file) => (version ? `${file}?v=${version}` : file);

// The server renders the times of later pages in this zone.
const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
if (timeZone) document.cookie = `zone=${timeZone}; path=/; max-age=31536000; samesite=lax`;

addEventListener("input", ({ target }) => {
  // In Firefox and Safari a field does not grow with its text. A hidden copy of the text gives the field its height.
  if (target.matches(".composer-input")) target.parentElement.dataset.text = target.value;
  // The text of an edited message is in the field only until the draft returns.
  if (!target.matches(".composer-input:not([data-editing])")) return;
  // The session has ended, and the text is wiped from this device (app/src/live/draft.rs).
  if (!("person" in root.dataset)) return;
  try {
    sessionStorage.setItem(draftKey(), target.value);
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

// A form that loads a page is sent only while the server responds. Otherwise the browser would replace the page and the
// typed text by its own error page.
let asking = false;
addEventListener("submit", async (event) => {
  const { target: form, submitter } = event;
  const name = submitter?.name;
  delete root.dataset.unreachable;
  const method = submitter?.getAttribute("formmethod") ?? form.method;
  if (event.defaultPrevented || method === "dialog" || "reached" in form.dataset) return;
  event.preventDefault();
  if (asking) return;
  asking = true;
  const reached = await responds();
  asking = false;
  if (!reached) return void (root.dataset.unreachable = "");
  form.dataset.reached = "";
  // The text is sent: the next page must not show it again.
  if (form.matches(".composer-form")) forgetDraft();
  const button = submitter?.form === form ? submitter : undefined;
  // A confirmed button has no name while its form is sent (controls.js).
  const named = button?.name;
  if (button) button.name = name;
  form.requestSubmit(button);
  if (button) button.name = named;
  delete form.dataset.reached;
});

// Before hydration, Enter sends the message too.
addEventListener("keydown", (event) => {
  const { target, key, shiftKey, isComposing, keyCode } = event;
  if ("hydrated" in root.dataset || key !== "Enter" || shiftKey || isComposing || keyCode === 229) return;
  if (!target.matches(".composer-input") || !matchMedia("(hover: hover)").matches) return;
  event.preventDefault();
  target.form.requestSubmit();
});

// The clipboard is available over https only.
if (isSecureContext) root.dataset.secure = "";

// The response to a refused form is a page under the address of the form's action: show the page's own address.
if (root.dataset.address) history.replaceState(null, "", root.dataset.address);
// A GET form without values leaves a lone "?".
else if (location.href.includes("?") && !location.search) history.replaceState(null, "", location.pathname + location.hash);

const [bindings, controls, wasm, texts] = [
  "/pkg/messenger.js",
  "/controls.js",
  "/pkg/messenger.wasm",
  `/pkg/texts/${root.lang}.json`,
].map(of);

// Called by the front end (app/src/ui/notification.rs).
globalThis.notify = (act, detail) => import(of("/notify.js")).then((notify) => notify[act](detail));

// The forms of a deferred page (app/src/shell.rs) work without the front end, so it is only fetched, for the next page.
// If the device still stores the data of a user, the front end deletes them at once.
if ("deferred" in root.dataset && !storesData()) {
  // Not by links: Firefox applies `default-src` to prefetches.
  for (const file of [bindings, controls, wasm, texts]) {
    fetch(file, { priority: "low" }).then((answer) => answer.blob()).catch(() => {});
  }
  await inUse();
}

// Called by the front end (app/src/part.rs).
let front, part;
globalThis.loadPart = () => (part ??= loadPart());

try {
  [front] = await Promise.all([import(bindings), import(controls)]);
  await front.default({ module_or_path: wasm });
  front.hydrate();
} catch (error) {
  // The page keeps working as without JavaScript. The style sheet shows a notice.
  root.dataset.crashed = "";
  console.error(error);
}

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
    if (response?.ok) return front.instantiatePart?.(response);
    if (response?.status === 404) throw new Error("no part of this version");
    await new Promise((again) => setTimeout(again, 2_000));
  }
}

function forgetDraft() {
  try {
    sessionStorage.removeItem(draftKey());
  } catch {
    // A browser without storage has nothing to remove.
  }
}

/** The place of the text of this page's composer, which stays beside the info of its chat. */
function draftKey() {
  return `draft:${root.dataset.person}:${location.pathname.replace(/\/info$/, "")}`;
}

/** Whether the server and its database respond. */
async function responds() {
  try {
    const options = { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) };
    return (await fetch("/readyz", options)).ok;
  } catch {
    return false;
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
