//! The server functions behind the forms of `auth`.

use crate::Refusal;
use leptos::prelude::*;
use protocol::ids::SessionId;

#[cfg(feature = "ssr")]
use crate::{
    address::{Address, Section},
    server_context as context,
};

#[server(prefix = "/fn", endpoint = "sign_in")]
pub async fn sign_in(login: String, password: String, #[server(default)] next: String) -> Result<(), Refusal> {
    let request = context::request()?;
    let data = protocol::auth::SignIn { login, password };
    let (actor, _) = context::answer(services::auth::sign_in(&request.node, &request.device, data).await)?;
    context::sign_in_browser(actor).await?;
    context::redirect(&context::after_sign_in(Address::next(&next)));
    Ok(())
}

#[server(prefix = "/fn", endpoint = "register")]
pub async fn register(
    username: String,
    password: String,
    display_name: String,
    #[server(default)] next: String,
) -> Result<(), Refusal> {
    let request = context::request()?;
    // A form sends its empty fields too.
    let display_name = Some(protocol::text::cleaned_line(&display_name)).filter(|name| !name.trim().is_empty());
    let data = protocol::auth::Register { username, password, display_name, email: None };
    let (actor, _) = context::answer(services::auth::register(&request.node, &request.device, data).await)?;
    context::sign_in_browser(actor).await?;
    context::redirect(&context::after_sign_in(Address::next(&next)));
    Ok(())
}

#[server(prefix = "/fn", endpoint = "sign_out")]
pub async fn sign_out() -> Result<(), Refusal> {
    let (node, actor) = context::signed_in()?;
    context::answer(services::auth::sign_out(&node, actor).await)?;
    context::sign_out_browser()?;
    context::redirect(&Address::LOGIN);
    Ok(())
}

#[server(prefix = "/fn", endpoint = "change_password")]
pub async fn change_password(current: String, new: String) -> Result<(), Refusal> {
    let (node, actor) = context::signed_in()?;
    let data = protocol::auth::ChangePassword { current, new };
    context::answer(services::auth::change_password(&node, actor, data).await)?;
    context::redirect(&Address::Settings(Section::PasswordChanged));
    Ok(())
}

/// Ends all sessions of the user except this one.
#[server(prefix = "/fn", endpoint = "revoke_other_sessions")]
pub async fn revoke_other_sessions() -> Result<(), Refusal> {
    let (node, actor) = context::signed_in()?;
    context::answer(services::auth::revoke_other_sessions(&node, actor).await)?;
    context::redirect(&Address::Settings(Section::Sessions));
    Ok(())
}

#[server(prefix = "/fn", endpoint = "revoke_session")]
pub async fn revoke_session(session_id: SessionId) -> Result<(), Refusal> {
    let (node, actor) = context::signed_in()?;
    context::answer(services::auth::revoke_session(&node, actor, session_id).await)?;
    context::redirect(&Address::Settings(Section::Sessions));
    Ok(())
}
