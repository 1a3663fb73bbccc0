//! The server functions behind the forms of `settings`. Choices for a browser work without a sign-in.

use crate::Refusal;
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::{
    address::{Address, Section},
    server_context as context,
};
#[cfg(feature = "ssr")]
use protocol::{error::Problem, profiles::UpdateMe};

/// Sets a choice for this browser; an empty value removes it.
#[server(prefix = "/fn", endpoint = "set_choice")]
pub async fn set_choice(name: String, value: String) -> Result<(), Refusal> {
    let known = crate::choices::CHOICES.iter().find(|(choice, _)| *choice == name);
    if known.is_none_or(|(_, values)| !value.is_empty() && !values.contains(&value.as_str())) {
        return context::refuse(services::Rejection::field("value", Problem::Unknown));
    }
    if name == "theme" {
        return choose("theme", &value, UpdateMe { theme: Some(Some(value.clone())), ..Default::default() }).await;
    }
    context::remember(&name, &value);
    Ok(())
}

#[server(prefix = "/fn", endpoint = "set_language")]
pub async fn set_language(locale: String) -> Result<(), Refusal> {
    if !matches!(locale.as_str(), "" | "en" | "ru") {
        return context::refuse(services::Rejection::field("locale", Problem::Unknown));
    }
    choose("locale", &locale, UpdateMe { locale: Some(Some(locale.clone())), ..Default::default() }).await
}

/// Sets who may see the user's presence.
#[server(prefix = "/fn", endpoint = "set_last_seen")]
pub async fn set_last_seen(last_seen: String) -> Result<(), Refusal> {
    let (node, actor) = context::signed_in()?;
    let update = UpdateMe { last_seen: Some(last_seen), ..Default::default() };
    context::answer(services::profiles::update_me(&node, actor, update).await)?;
    context::redirect(&Address::Settings(Section::Privacy));
    Ok(())
}

/// Stores a choice in this browser, and in the account of a signed-in user.
#[cfg(feature = "ssr")]
async fn choose(name: &'static str, value: &str, update: UpdateMe) -> Result<(), Refusal> {
    let request = context::request()?;
    if let Some(actor) = request.actor {
        context::answer(services::profiles::update_me(&request.node, actor, update).await)?;
    }
    context::remember(name, value);
    Ok(())
}
