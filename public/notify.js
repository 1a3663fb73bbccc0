// Shows the browser's notifications. app/src/chat/arrivals.rs decides which messages are announced.

/** How long a tab that shows the message has to say so, before another tab notifies. */
const WAIT_MS = 500;
/** How long other tabs know that a message was announced. */
const KNOWN_MS = 10_000;

/** The announced messages by tag: the note, and how to close its notification once it is shown. */
const announced = new Map();

/** One tab of this browser announces a message. Returns whether it is this one. */
function claim(tag) {
  return new Promise((answer) => {
    navigator.locks.request(tag, { ifAvailable: true }, (lock) => {
      answer(Boolean(lock));
      return lock && new Promise((end) => setTimeout(end, KNOWN_MS));
    });
  });
}

/** This tab shows the message. */
export function seen(tag) {
  claim(tag);
}

export async function announce(json) {
  const { tag, ...note } = JSON.parse(json);
  const known = announced.get(tag);
  if (known) {
    // The text has changed.
    known.note = note;
    if (known.close) known.close = await show(tag, note);
    return;
  }
  const message = { note };
  announced.set(tag, message);
  await new Promise((end) => setTimeout(end, WAIT_MS));
  if (!announced.has(tag) || !(await claim(tag))) return;
  message.close = await show(tag, message.note);
  // It was read or deleted in the meantime.
  if (!announced.has(tag)) message.close();
}

/** The message was read or deleted. */
export function retract(tag) {
  announced.get(tag)?.close?.();
  announced.delete(tag);
}

/** Shows a notification, and returns how to close it. */
async function show(tag, { url, title, body, sound }) {
  const options = { tag, icon: "/icon.svg", silent: sound === "off", ...(body && { body }) };
  try {
    const notification = new Notification(title, options);
    notification.onclick = () => {
      focus();
      open(url);
      notification.close();
    };
    return () => notification.close();
  } catch {
    // Browsers on phones show notifications of a service worker only.
    const worker = await navigator.serviceWorker?.ready;
    await worker?.showNotification(title, { ...options, data: url });
    return async () => (await worker?.getNotifications({ tag }))?.forEach((shown) => shown.close());
  }
}

/** Opens a page as a link in the page does, without a reload. */
export function open(url) {
  const link = Object.assign(document.createElement("a"), { href: url });
  document.body.append(link);
  link.click();
  link.remove();
}
