//! The forms of pages: their fields, and where the browser goes afterwards.

use super::caller::refuse;
use crate::{address::Address, refusal::Refusal};
use protocol::error::Problem;
use services::Rejection;

/// Sends the browser to a page after a form.
pub fn redirect(to: &Address) {
    leptos_axum::redirect(&to.href());
}

/// The messages that a form names, as `2,3,5`, in ascending order.
///
/// # Errors
/// `invalid_input` for none, or more than a hundred.
pub fn numbers(text: &str) -> Result<Vec<u64>, Refusal> {
    let numbers: Option<Vec<u64>> = text.split(',').map(|no| no.trim().parse().ok()).collect();
    match numbers.filter(|numbers| numbers.len() <= protocol::limits::HISTORY_MAX as usize) {
        Some(mut numbers) => {
            numbers.sort_unstable();
            numbers.dedup();
            Ok(numbers)
        }
        None => refuse(Rejection::field("nos", Problem::Malformed)),
    }
}
