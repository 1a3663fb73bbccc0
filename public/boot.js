// Starts the front end. What is being typed is kept here, not in the WASM, so that it outlives a crash of it.
const root = document.documentElement;
const version = root.dataset.version;
const of = (file) => (version ? `${file}?v=${version}` : file);

addEventListener("input", ({ target }) => {
  // What is edited stands there for a while only, before the draft comes back.
  if (!target.matches(".composer-input:not([data-editing])")) return;
  try {
    sessionStorage.setItem(`draft:${root.dataset.person ?? ""}:${location.pathname}`, target.value);
  } catch {
    // A browser that keeps nothing still has it in the field.
  }
});

// A page that came over plain http may not touch the clipboard.
if (isSecureContext) root.dataset.secure = "";

const { default: init, hydrate } = await import(of("/pkg/messenger.js"));
await init({ module_or_path: of("/pkg/messenger.wasm") });
await hydrate();

// A debug build has no version: its files change under way.
if (version && "serviceWorker" in navigator) {
  navigator.serviceWorker.register(`/service-worker.js?v=${version}`).catch(() => {});
}
