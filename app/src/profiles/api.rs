//! The server functions of `profiles`.

use crate::Refusal;
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use {
    crate::{
        address::{Address, Section},
        server_context as context,
    },
    protocol::text::{cleaned, cleaned_line},
};

#[server(prefix = "/fn", endpoint = "update_profile")]
pub async fn update_profile(display_name: String, bio: String) -> Result<(), Refusal> {
    let (node, actor) = context::signed_in()?;
    let (display_name, bio) = (Some(cleaned_line(&display_name)), Some(cleaned(&bio)));
    let update = protocol::profiles::UpdateMe { display_name, bio, ..Default::default() };
    context::answer(services::profiles::update_me(&node, actor, update).await)?;
    context::redirect(&Address::Settings(Section::Profile));
    Ok(())
}
