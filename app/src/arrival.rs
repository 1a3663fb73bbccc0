//! Where the focus goes when one comes to another page.

use crate::{
    address::Address,
    live::Store,
    navigation::Navigation,
    ui::{effect_from, find, once_drawn},
};
use leptos::prelude::*;

/// Where one writes on a page that is for writing.
pub const WRITING: &str = ".composer-input, .finder [type=search]";

/// Whoever has come to another page goes on in it by keys. Renders nothing.
#[component]
pub fn Arrival() -> impl IntoView {
    let navigation = Navigation::current();
    let page = Store::current().page;
    let coming = StoredValue::new(false);
    effect_from(move |before: Option<Option<Address>>| {
        let now = navigation.get();
        if before.is_some_and(|before| before != now) {
            coming.set_value(true);
        }
        // What is on its way is there when its data are.
        page.track();
        once_drawn(move || {
            if coming.get_value() && focus_page() {
                coming.set_value(false);
            }
        });
        now
    });
}

/// Gives the focus to the page one has come to, which so is told: to where one writes, else to its heading.
/// Answers whether that is settled; it is not as long as the page is on its way.
fn focus_page() -> bool {
    let active = document().active_element();
    let busy = active.is_some_and(|active| active.matches("main *, input, textarea, dialog *").unwrap_or(false));
    // Whoever does something else by now goes on with it.
    if busy {
        return true;
    }
    if find("main[aria-busy]").is_some() {
        return false;
    }
    // A field would bring up the keyboard of a phone, over half of what one came to read.
    let has_pointer = window().match_media("(hover: hover)").ok().flatten().is_some_and(|media| media.matches());
    let field = if has_pointer { find(WRITING) } else { None };
    let target = field.or_else(|| {
        let heading = find(".shows-list .list-pane h2, main h1")?;
        heading.set_tab_index(-1);
        Some(heading)
    });
    if let Some(target) = target {
        let _ = target.focus();
    }
    true
}
