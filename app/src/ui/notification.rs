//! Notifications that the browser shows outside the page.

use leptos::prelude::*;

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
