//! Notifications that the browser shows outside the page. `public/notify.js` shows them.

use leptos::prelude::*;
#[cfg(feature = "hydrate")]
use wasm_bindgen::prelude::*;

/// A notification. A later one with the same tag replaces it.
#[cfg(feature = "hydrate")]
#[derive(serde::Serialize)]
pub struct Note<'a> {
    pub tag: &'a str,
    /// The page that a click opens.
    pub url: &'a str,
    pub title: &'a str,
    pub body: &'a str,
    /// "off" for a silent one.
    pub sound: &'a str,
}

/// Shows a notification in one tab of this browser, unless another tab calls `seen` in time.
#[cfg(feature = "hydrate")]
pub fn announce(note: &Note) {
    if let Ok(json) = serde_json::to_string(note) {
        notify("announce", &json);
    }
}

/// Closes a notification.
#[cfg(feature = "hydrate")]
pub fn retract(tag: &str) {
    notify("retract", tag);
}

/// The reader sees in this tab what the notification would say.
#[cfg(feature = "hydrate")]
pub fn seen(tag: &str) {
    notify("seen", tag);
}

#[cfg(feature = "hydrate")]
#[wasm_bindgen]
extern "C" {
    /// In public/boot.js.
    fn notify(act: &str, detail: &str);
}

/// Whether the browser may notify: `granted`, `denied`, `default` (not asked yet), `none` (it cannot).
#[must_use]
pub fn permission() -> String {
    #[cfg(feature = "hydrate")]
    if js_sys::Reflect::has(&window(), &"Notification".into()).unwrap_or(false) && window().is_secure_context() {
        return match web_sys::Notification::permission() {
            web_sys::NotificationPermission::Granted => "granted",
            web_sys::NotificationPermission::Denied => "denied",
            _ => "default",
        }
        .to_owned();
    }
    "none".to_owned()
}

/// Whether the browser may notify, as it was at most a second ago. The browser asks another process for it, which would
/// take too long for each message of a burst.
#[must_use]
pub fn is_permitted() -> bool {
    #[cfg(feature = "hydrate")]
    {
        thread_local!(static ANSWER: std::cell::Cell<(f64, bool)> = const { std::cell::Cell::new((0.0, false)) });
        let (at, now) = (ANSWER.get().0, js_sys::Date::now());
        if (now - at).abs() > 1_000.0 {
            ANSWER.set((now, permission() == "granted"));
        }
        ANSWER.get().1
    }
    #[cfg(not(feature = "hydrate"))]
    false
}

/// Asks the reader whether the browser may notify.
pub fn ask_permission(answer: RwSignal<String>) {
    #[cfg(feature = "hydrate")]
    if let Ok(asked) = web_sys::Notification::request_permission() {
        leptos::task::spawn_local(async move {
            let _ = wasm_bindgen_futures::JsFuture::from(asked).await;
            answer.set(permission());
        });
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = answer;
}
