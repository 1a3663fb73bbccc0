//! The forms of pages: their fields, and where the browser goes afterwards.

use super::caller::refuse;
use crate::{
    address::{Address, At, Next, Section},
    refusal::Refusal,
};
use protocol::error::Problem;
use services::Rejection;

/// Sends the browser to a page after a form.
pub fn redirect(to: &Address) {
    leptos_axum::redirect(&to.href());
}

/// The page that a sign-in leads to.
#[must_use]
pub fn after_sign_in(next: Next) -> Address {
    next.map_or(Address::CHATS, |next| *next)
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

/// The page of a form, from the form's fields. A form on the page of a refused form has no other trace of its page,
/// because the browser shows that page under the address of the form's action.
#[must_use]
pub fn page_of(form: &str, values: &[(String, String)]) -> Address {
    let value = |name: &str| values.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
    let chat_id = value("chat_id").and_then(|id| id.parse().ok());
    let no = value("no").and_then(|no| no.parse().ok());
    match (form, chat_id, no) {
        ("sign_in", ..) => Address::Login(value("next").and_then(Address::next)),
        ("register", ..) => Address::Register(value("next").and_then(Address::next)),
        ("update_profile", ..) => Address::Settings(Section::Profile),
        ("revoke_session" | "revoke_other_sessions", ..) => Address::Settings(Section::Sessions),
        ("set_last_seen", ..) => Address::Settings(Section::Privacy),
        ("block", ..) => match Address::next(value("back").unwrap_or_default()) {
            Some(page) => *page,
            None => Address::Settings(Section::Privacy),
        },
        ("change_password", ..) => Address::Settings(Section::Security),
        ("create_group", ..) => {
            let ids = values.iter().filter(|(name, _)| name == "member_ids[]");
            let member_ids = ids.filter_map(|(_, id)| id.parse().ok()).collect();
            let text = |name| value(name).unwrap_or_default().to_owned();
            Address::NewGroup { query: text("q"), title: text("title"), member_ids }
        }
        ("rename_group" | "add_member" | "remove_member" | "change_role" | "leave_group", Some(id), _) => {
            Address::info(id)
        }
        ("edit_message", Some(id), Some(no)) => Address::Chat(id, At::Edit(no)),
        ("report_message", Some(id), Some(no)) => Address::Chat(id, At::Report(no)),
        (_, Some(id), _) => Address::chat(id),
        _ => Address::CHATS,
    }
}
