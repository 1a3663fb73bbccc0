//! Text that shows nothing is refused in every field that others see, and the error names the field.

use crate::support::{World, draft, home, refused_fields, registration, say};
use protocol::{auth::Register, chat::EditMessage, groups::UpdateGroup, profiles::UpdateMe};
use services::{
    auth, chat,
    groups::{self, NewGroup},
    profiles,
};

#[tokio::test]
async fn text_without_visible_characters_is_refused_by_name() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    let message = say(&world, bob, group, "·").await;
    for blank in ["\u{200b}", "\u{3164}", "\u{2800} \u{2800}", "\u{e000}", "\u{301}", "\u{fe0f}", "\u{e0067}"] {
        let text = blank.to_owned();
        assert_eq!(refused_fields(chat::post_message(&world, bob, group, draft(blank)).await), ["text"], "{blank:?}");
        let edit = EditMessage { text: text.clone(), base_seq: None };
        assert_eq!(refused_fields(chat::edit_message(&world, bob, group, message.no, edit).await), ["text"]);
        assert_eq!(refused_fields(chat::report_message(&world, alice, group, message.no, blank).await), ["reason"]);
        let new = NewGroup { title: text.clone(), member_ids: vec![], client_id: None };
        assert_eq!(refused_fields(groups::create(&world, alice, new).await), ["title"]);
        let update = UpdateGroup { title: Some(text.clone()), description: Some(text.clone()) };
        assert_eq!(refused_fields(groups::update(&world, alice, group, update).await), ["description", "title"]);
        let update = UpdateMe { display_name: Some(text.clone()), bio: Some(text.clone()), ..UpdateMe::default() };
        assert_eq!(refused_fields(profiles::update_me(&world, alice, update).await), ["bio", "display_name"]);
        let register = Register { display_name: Some(text), ..registration("carol") };
        assert_eq!(refused_fields(auth::register(&world, &home(), register).await), ["display_name"]);
    }
    let long = UpdateGroup { title: None, description: Some("я".repeat(1_000)) };
    assert_eq!(groups::update(&world, alice, group, long).await.unwrap().chat.description.chars().count(), 1_000);
}
