//! The rows of the timeline as the browser has drawn them.

use crate::live::Place;
use leptos::prelude::document;
use wasm_bindgen::JsCast as _;

/// The row of a message.
pub fn row(no: u64) -> Option<web_sys::Element> {
    document().get_element_by_id(&format!("m{no}"))
}

/// The number of the message of a row.
pub fn number_of(row: &web_sys::Element) -> Option<u64> {
    row.id().strip_prefix('m')?.parse().ok()
}

/// The message in a row, without the day and the divider that may appear above it.
pub fn article(row: &web_sys::Element) -> Option<web_sys::HtmlElement> {
    row.query_selector("article").ok().flatten()?.dyn_into().ok()
}

/// Focuses a message, so that its outline marks it. Returns false while the message is not in the document.
pub fn mark(no: u64) -> bool {
    let Some(article) = row(no).and_then(|row| article(&row)) else { return false };
    let options = web_sys::FocusOptions::new();
    options.set_prevent_scroll(true);
    article.focus_with_options(&options).is_ok()
}

/// The message below the "new messages" divider.
pub fn divided(scroller: &web_sys::Element) -> Option<u64> {
    let divider = scroller.query_selector(".unread-divider").ok().flatten()?;
    number_of(&divider.parent_element()?)
}

/// The first row that is at least partly on the screen.
pub fn first(scroller: &web_sys::Element) -> Option<Place> {
    let edge = scroller.get_bounding_client_rect().top();
    let (rows, first) = ending_below(scroller, edge)?;
    let row = rows.item(first)?;
    Some(Place { no: number_of(&row)?, top: article(&row)?.get_bounding_client_rect().top() - edge })
}

/// The last row with its end on the screen.
pub fn last(scroller: &web_sys::Element) -> Option<u64> {
    let (rows, below) = ending_below(scroller, scroller.get_bounding_client_rect().bottom())?;
    number_of(&rows.item(below.checked_sub(1)?)?)
}

/// The rows, and the index of the first row that ends below `line`. A binary search, because the rows are in order.
fn ending_below(scroller: &web_sys::Element, line: f64) -> Option<(web_sys::HtmlCollection, u32)> {
    let rows = scroller.query_selector(".messages").ok()??.children();
    let (mut low, mut high) = (0, rows.length());
    while low < high {
        let middle = low.midpoint(high);
        if rows.item(middle)?.get_bounding_client_rect().bottom() > line + 1.0 {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some((rows, low))
}
