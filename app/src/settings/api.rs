//! The server functions behind the forms of `settings`. Both work before anybody has signed in.

use crate::Refusal;
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::server_context as context;

#[server(prefix = "/fn", endpoint = "set_theme")]
pub async fn set_theme(theme: String) -> Result<(), Refusal> {
    let update = protocol::profiles::UpdateMe { theme: Some(Some(theme.clone())), ..Default::default() };
    choose("theme", theme, update).await
}

#[server(prefix = "/fn", endpoint = "set_language")]
pub async fn set_language(locale: String) -> Result<(), Refusal> {
    let update = protocol::profiles::UpdateMe { locale: Some(Some(locale.clone())), ..Default::default() };
    choose("locale", locale, update).await
}

/// Remembers a choice in this browser, and with the account where there is one.
#[cfg(feature = "ssr")]
async fn choose(name: &'static str, value: String, update: protocol::profiles::UpdateMe) -> Result<(), Refusal> {
    let request = context::request()?;
    if let Some(actor) = request.actor {
        context::answer(services::profiles::update_me(&request.infra, actor, update).await)?;
    } else if !matches!(value.as_str(), "" | "en" | "ru" | "light" | "dark") {
        return context::refuse(services::Rejection::field(name, protocol::error::Problem::Unknown));
    }
    context::remember(name, &value);
    Ok(())
}
