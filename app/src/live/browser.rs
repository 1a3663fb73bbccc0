//! The browser's clock, time zone and events.

use leptos::prelude::*;
use wasm_bindgen::{JsCast as _, closure::Closure};

/// Milliseconds since 1970.
pub fn now() -> f64 {
    js_sys::Date::now()
}

/// Stores the browser's offset from UTC in a cookie: the server renders the times of later pages with it.
pub fn remember_zone() {
    if let Some(document) = document().dyn_ref::<web_sys::HtmlDocument>() {
        let _ = document.set_cookie(&format!("tz={}; path=/; max-age=31536000; samesite=lax", zone()));
    }
}

/// Minutes east of UTC.
pub fn zone() -> i32 {
    -js_sys::Date::new_0().get_timezone_offset() as i32
}

/// Calls the handler at every event of the window until the page is closed.
pub fn listen(event: &str, handler: impl FnMut() + 'static) {
    let handler = Closure::<dyn FnMut()>::new(handler);
    // Events of the document bubble up to the window.
    let _ = window().add_event_listener_with_callback(event, handler.as_ref().unchecked_ref());
    handler.forget();
}
