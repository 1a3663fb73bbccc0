// Gestures on a touch screen: a long press opens the menu of a message or a chat, a swipe to the right replies.

const PRESS_MS = 500;
const SLACK = 10;
const SWIPE = 56;

let touch = null;

addEventListener("touchstart", (event) => {
  cancel();
  const { target, touches } = event;
  const row = target.closest(".message, .chat-row");
  if (!row || touches.length > 1 || target.closest("dialog")) return;
  const { clientX: x, clientY: y } = touches[0];
  const bubble = row.querySelector(".row-icons") && row.querySelector("article");
  // The edge of the screen belongs to the browser's own gesture, and a wide block of code scrolls.
  const swipes = bubble && x > 24 && !target.closest(".code");
  touch = { target, x, y, bubble: swipes ? bubble : null, by: 0, opened: false };
  touch.timer = setTimeout(press, PRESS_MS, touch);
}, { passive: true });

/** Opens the menu, where the browser does not send its own event after a long press. */
function press(pressed) {
  pressed.opened = true;
  const { target, x: clientX, y: clientY } = pressed;
  target.dispatchEvent(new MouseEvent("contextmenu", { bubbles: true, cancelable: true, clientX, clientY }));
}

addEventListener("touchmove", (event) => {
  if (!touch || touch.opened) return;
  const { clientX, clientY } = event.touches[0];
  const [dx, dy] = [clientX - touch.x, clientY - touch.y];
  if (Math.hypot(dx, dy) > SLACK) clearTimeout(touch.timer);
  if (!touch.by && Math.abs(dy) > SLACK) return cancel();
  if (!touch.bubble || (!touch.by && dx < SLACK)) return;
  touch.by = Math.max(1, Math.min(dx, SWIPE * 1.25));
  touch.bubble.style.translate = `${touch.by}px`;
}, { passive: true });

addEventListener("touchend", (event) => {
  const { bubble, by, opened } = touch ?? {};
  cancel();
  // The end of a long press is no press.
  if (opened) event.preventDefault();
  if (!(by >= SWIPE)) return;
  const reply = Object.assign(document.createElement("button"), { hidden: true });
  reply.dataset.do = "reply";
  bubble.append(reply);
  reply.click();
  reply.remove();
}, { passive: false });

addEventListener("touchcancel", cancel);

function cancel() {
  clearTimeout(touch?.timer);
  if (touch?.bubble) touch.bubble.style.translate = "";
  touch = null;
}
