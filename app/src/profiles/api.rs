//! The server functions of `profiles`.

use crate::Refusal;
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::{
    address::{Address, Section},
    server_context as context,
};

#[server(prefix = "/fn", endpoint = "update_profile")]
pub async fn update_profile(display_name: String, bio: String) -> Result<(), Refusal> {
    let (node, actor) = context::signed_in()?;
    let update =
        protocol::profiles::UpdateMe { display_name: Some(display_name), bio: Some(bio), ..Default::default() };
    context::answer(services::profiles::update_me(&node, actor, update).await)?;
    context::redirect(&Address::Settings(Section::Profile));
    Ok(())
}
