// The behaviour of controls that needs neither data nor words: confirmations, dialogs, menus, the focus and copying.

// A form's button named "confirm" asks its value before the form is sent (app/src/ui/confirm.rs).
addEventListener(
  "submit",
  (event) => {
    const { target: form, submitter: button } = event;
    if (button?.name !== "confirm") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const dialog = document.getElementById("confirm");
    const yes = dialog.querySelector("[value=yes]");
    dialog.querySelector("h2").textContent = button.value;
    yes.textContent = form.elements.label.value;
    yes.formMethod = "dialog";
    dialog.returnValue = "";
    dialog.onclose = () => {
      if (dialog.returnValue !== "yes") return form.closest(".menu") && dismiss(form.closest(".menu"));
      if (!form.isConnected) return;
      button.removeAttribute("name");
      form.requestSubmit(button);
      button.name = "confirm";
    };
    dialog.close();
    dialog.showModal();
  },
  true,
);

// The menu of a row (`.drop`) closes after its action, by Escape, and when the pointer or the focus leaves it.
const openDrop = () => document.querySelector("details[open]:has(> .drop)");
addEventListener("submit", ({ target }) => closeDrop(target.closest("details:has(> .drop)")));
addEventListener("keydown", ({ key }) => key === "Escape" && closeDrop(openDrop()));
for (const kind of ["pointerdown", "focusin"]) {
  addEventListener(kind, ({ target }) => {
    const drop = openDrop();
    // A confirmation belongs to the action.
    if (drop && !drop.contains(target) && !target.closest("dialog")) drop.open = false;
  });
}

function closeDrop(drop) {
  if (!drop) return;
  drop.open = false;
  drop.querySelector("summary").focus();
}

/** Closes a dialog as Escape does. */
function dismiss(dialog) {
  if (dialog.dispatchEvent(new Event("cancel", { cancelable: true }))) dialog.close();
}

// A press outside a dialog closes it.
addEventListener("click", ({ target, clientX: x, clientY: y, detail }) => {
  if (!detail || !target.matches?.("dialog:modal")) return;
  const { left, right, top, bottom } = target.getBoundingClientRect();
  if (x < left || x > right || y < top || y > bottom) dismiss(target);
});

// The place at which the pointer opens a menu; null after a key.
let pointer = null;
addEventListener("pointerdown", (event) => (pointer = event), true);

// A menu opens at the pointer, else beside the element that had the focus. showModal moves the focus into the menu.
addEventListener("focusin", ({ target, relatedTarget }) => {
  const menu = target.closest(".menu:modal");
  if (!menu || menu.style.top) return;
  const { width, height } = menu.getBoundingClientRect();
  const beside = relatedTarget?.getBoundingClientRect();
  const x = pointer?.clientX ?? beside?.left ?? innerWidth / 2;
  const y = pointer?.clientY ?? beside?.bottom ?? innerHeight / 2;
  const space = 8;
  menu.style.left = `${Math.max(space, Math.min(x, innerWidth - width - space))}px`;
  // Where it does not fit below the pointer, it opens above.
  const below = y + height + space <= innerHeight;
  menu.style.top = `${Math.max(space, Math.min(below ? y : y - height, innerHeight - height - space))}px`;
});

addEventListener(
  "contextmenu",
  (event) => {
    const { target } = event;
    if (target.closest("dialog.menu")) {
      event.preventDefault();
      if (target.matches("dialog")) dismiss(target);
    }
    // The browser's own menu stays for links, for selected text, and with Shift.
    const isLink = target.closest(".text a, a.quote");
    if (isLink || event.shiftKey || !getSelection().isCollapsed) event.stopPropagation();
  },
  true,
);

addEventListener(
  "keydown",
  (event) => {
    const { key, target } = event;
    pointer = null;
    const dialog = target.closest("dialog:modal");
    if (key === "ContextMenu" || (key === "F10" && event.shiftKey)) {
      if (!target.closest(".message, .chat-list")) return;
      event.preventDefault();
      target.dispatchEvent(new MouseEvent("contextmenu", { bubbles: true, cancelable: true }));
    } else if (key === "Escape" && dialog && target.matches("[type=search]")) {
      // The first Escape would only empty the search.
      event.preventDefault();
      dismiss(dialog);
    } else if (key === "Tab") {
      // The arrow keys and Enter lead to a message's actions: the Tab key skips them.
      document.querySelectorAll(".row-icons > *").forEach((icon) => (icon.tabIndex = -1));
    } else if (dialog?.matches(".menu")) {
      walk(event, dialog);
    }
  },
  true,
);

/** Moves the focus in a menu by the arrow keys, Home and End. */
function walk(event, menu) {
  const { key, target } = event;
  const items = [...menu.querySelectorAll("a, button")].filter((item) => item.getClientRects().length);
  const at = items.indexOf(target);
  const isQuick = (item) => item.closest(".quick");
  const first = items.findIndex((item) => !isQuick(item));
  const down = isQuick(target) ? first : at + 1;
  const to = { ArrowDown: down, ArrowUp: at - 1, ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[key];
  if (to === undefined) return;
  event.preventDefault();
  items.at(to % items.length).focus();
}

// When the control with the focus disappears, the focus moves to the nearest control that remains.
const FOCUSABLE = "a[href], button, input:not([type=hidden]), textarea, select, [tabindex]";
let path = [];

addEventListener("focusin", ({ target, relatedTarget }) => {
  const end = target.closest("main, nav, aside, dialog, .toast-place");
  path = [];
  for (let node = target; end && node !== end; node = node.parentElement) path.push(node);
  if (target.closest(".toast")) path.push(relatedTarget);
});

addEventListener("focusout", ({ target }) => {
  setTimeout(() => {
    if (target === path[0] && target.isConnected && document.activeElement === document.body) path = [];
  });
});

new MutationObserver(() => {
  settle();
  if (!path[0] || path[0].isConnected || document.activeElement !== document.body) return;
  const remains = path.filter((node) => node?.isConnected);
  const found = remains.map((node) => (node.matches(FOCUSABLE) ? node : node.querySelector(FOCUSABLE)));
  path = [];
  found.find(Boolean)?.focus({ preventScroll: true });
}).observe(document.body, { childList: true, subtree: true });

// On a phone the back button closes an open dialog. While one is open, the history has one more entry. When the dialog
// closes otherwise, this entry is spent: the back button passes it.
const isPhone = matchMedia("(max-width: 767.98px)");
let last = null;
addEventListener("focusin", settle);
addEventListener("popstate", () => {
  const isPast = last === "spent" && entry() === "below";
  last = entry();
  const dialog = document.querySelector("dialog:modal");
  if (dialog) dismiss(dialog);
  else if (isPast) history.back();
  settle();
});

function entry() {
  return history.state?.dialog;
}

function settle() {
  if (!isPhone.matches) return;
  const isOpen = document.querySelector("dialog:modal");
  if (isOpen && entry() === "spent") history.replaceState({ dialog: "open" }, "");
  else if (isOpen && entry() !== "open") {
    history.replaceState({ dialog: "below" }, "");
    history.pushState({ dialog: "open" }, "");
  } else if (!isOpen && entry() === "open") history.replaceState({ dialog: "spent" }, "");
  last = entry();
}

// Several messages are copied as their texts, in a group with the names.
addEventListener("copy", (event) => {
  const selection = getSelection();
  if (!selection.rangeCount || selection.isCollapsed) return;
  const range = selection.getRangeAt(0);
  const texts = [...document.querySelectorAll(".timeline .text")].filter((text) => range.intersectsNode(text));
  if (texts.length < 2) return;
  event.preventDefault();
  const inGroup = document.querySelector(".timeline .named");
  const place = document.body.appendChild(document.createElement("div"));
  const parts = texts.map((text) => {
    const part = document.createRange();
    part.selectNodeContents(text);
    if (text.contains(range.startContainer)) part.setStart(range.startContainer, range.startOffset);
    if (text.contains(range.endContainer)) part.setEnd(range.endContainer, range.endOffset);
    const copy = place.appendChild(text.cloneNode(false));
    copy.append(part.cloneContents());
    copy.querySelectorAll("button").forEach((button) => button.remove());
    return copy;
  });
  const name = (text) => (inGroup ? `${text.closest("article").querySelector(".author bdi").textContent}: ` : "");
  const lines = parts.map((part, n) => name(texts[n]) + part.innerText.trimEnd());
  place.remove();
  event.clipboardData.setData("text/plain", lines.join("\n"));
});
