//! Rows that a newer version wrote: this version reads them, passes them on unchanged, and gives no rights by
//! names that it does not know.

use crate::support::{Listener, World, draft, history, react, refused, say};
use protocol::{
    chat::{EditMessage, ForwardMessage, Message, Window},
    error::ErrorCode::{Forbidden, Unavailable},
    frames::Held,
    groups::{Role, UpdateGroup},
    ids::{ChatId, ClientId},
};
use serde_json::{Value, json};
use services::{Actor, chat, chat::commit::Reacting, groups, profiles};
use std::collections::HashMap;

/// A group of an owner, an admin and a navigator. Message 2 reports a comet, message 3 is a hologram.
struct Future {
    world: World,
    owner: Actor,
    admin: Actor,
    navigator: Actor,
    group: ChatId,
    event: Value,
}

impl Future {
    async fn new() -> Self {
        let world = World::new().await;
        let [owner, admin, navigator] = world.people(["olga", "adam", "nina"]).await;
        let group = world.group(owner, &[admin, navigator]).await;
        groups::change_role(&world, owner, group, admin.user_id, Role::Admin).await.unwrap();
        say(&world, owner, group, "a caption").await;
        let event =
            json!({ "type": "comet_seen", "actor_id": { "bot": 7 }, "user_id": [owner.user_id, "all"], "km": 1.5 });
        let db = &world.db;
        let no: i64 =
            sqlx::query_scalar("update messages set event = $1 where kind = 'system' and no = 2 returning no")
                .bind(&event)
                .fetch_one(db)
                .await
                .unwrap();
        assert_eq!(no, 2);
        sqlx::query("update messages set kind = 'hologram' where text = 'a caption'").execute(db).await.unwrap();
        sqlx::query("update members set role = 'navigator' where user_id = $1 and chat_id = $2")
            .bind(navigator.user_id.0)
            .bind(group.0)
            .execute(db)
            .await
            .unwrap();
        sqlx::query("update users set last_seen = 'friends' where username = 'nina'").execute(db).await.unwrap();
        Self { world, owner, admin, navigator, group, event }
    }

    async fn hologram(&self) -> Message {
        history(&self.world, self.navigator, self.group).await.pop().unwrap()
    }
}

#[tokio::test]
async fn rows_of_a_newer_version_are_read_and_passed_on() {
    let Future { world, navigator, group, event, .. } = Future::new().await;
    let names = |messages: &[Message]| -> Vec<String> {
        messages.iter().map(|message| message.kind.name().to_owned()).collect()
    };
    let page = chat::history(&world, navigator, group, Window::Newest, None).await.unwrap();
    assert_eq!(names(&page.items), ["system", "system", "hologram"]);
    assert_eq!(serde_json::to_value(&page.items[1].event).unwrap(), event);

    let changes = chat::changes(&world, navigator, group, 0, None).await.unwrap();
    assert!(changes.messages.iter().all(|message| page.items.contains(message)) && changes.messages.len() == 3);
    let roles: Vec<&str> = changes.members.iter().filter_map(|member| Some(member.role.as_ref()?.name())).collect();
    assert!(roles.contains(&"navigator"), "{roles:?}");
    assert!(!changes.more && changes.seq == page.seq);

    let welcome = chat::hello(&world, navigator, None, &Held::default()).await.unwrap();
    let own = welcome.chats.iter().find(|chat| chat.chat.id == group).unwrap();
    assert_eq!((own.role.as_ref().map(Role::name), own.unread), (Some("navigator"), 1));
    assert_eq!(own.last_message.as_ref(), page.items.last());
    assert_eq!(welcome.user.last_seen.name(), "friends");
    assert_eq!(profiles::me(&world, navigator).await.unwrap().last_seen.name(), "friends");

    let heads = chat::heads(&world, navigator, &Held::from(HashMap::from([(group, 0)]))).await.unwrap();
    assert_eq!(heads.chats[&group].unread, 1);
    let listed = chat::list(&world, navigator, None, None, None).await.unwrap();
    assert!(listed.items.iter().any(|chat| chat.last_message.as_ref() == page.items.last()));
    let members = groups::members(&world, navigator, group, Default::default()).await.unwrap();
    assert_eq!(members.items.iter().filter(|member| member.role == Some(Role::named("navigator"))).count(), 1);
}

#[tokio::test]
async fn an_unknown_role_gives_no_rights_and_is_removed_by_the_owner_only() {
    let Future { world, owner, admin, navigator, group, .. } = Future::new().await;
    let rename = || UpdateGroup { title: Some("Mine".into()), description: None };
    assert_eq!(refused(groups::update(&world, navigator, group, rename()).await), Some(Forbidden));
    assert_eq!(refused(groups::remove_member(&world, navigator, group, admin.user_id).await), Some(Forbidden));
    assert_eq!(refused(groups::delete(&world, navigator, group).await), Some(Forbidden));
    say(&world, navigator, group, "A member may write").await;
    assert_eq!(refused(groups::remove_member(&world, admin, group, navigator.user_id).await), Some(Forbidden));
    groups::remove_member(&world, owner, group, navigator.user_id).await.unwrap();
}

/// This version reads only a part of such a message, so it must neither write nor publish the row.
#[tokio::test]
async fn a_message_of_another_kind_is_changed_only_by_a_newer_node() {
    let future = Future::new().await;
    let Future { world, owner, navigator, group, .. } = &future;
    for kind in ["hologram", "image"] {
        sqlx::query("update messages set kind = $1 where no = 3").bind(kind).execute(&world.db).await.unwrap();
        let (listener, message) = (Listener::open(world, *navigator), future.hologram().await);
        let reacted = react(world, *navigator, (*group, message.no), "👍", Reacting::Give).await;
        assert_eq!(refused(reacted), Some(Unavailable), "{kind}");
        let words = EditMessage { text: "other".into(), base_seq: None };
        let edited = chat::edit_message(world, *owner, *group, message.no, words).await;
        assert_eq!(refused(edited), Some(Unavailable), "{kind}");
        let to = ForwardMessage { chat_id: *group, client_id: ClientId::fresh() };
        let forwarded = chat::forward_message(world, *owner, *group, message.no, to).await;
        assert_eq!(refused(forwarded), Some(Unavailable), "{kind}");
        assert_eq!(listener.frames().await, []);
        assert_eq!(future.hologram().await, message);
    }
    // A tombstone has no content that could be lost.
    let deleted = chat::delete_message(world, *owner, *group, 3).await.unwrap();
    assert_eq!((deleted.kind.name(), deleted.deleted), ("image", true));
}

#[tokio::test]
async fn a_chat_of_an_unknown_kind_is_read_but_changed_only_by_a_newer_node() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let orbit = world.group(alice, &[bob]).await;
    let message = say(&world, alice, orbit, "before").await;
    sqlx::query("update chats set kind = 'orbit' where chat_id = $1").bind(orbit.0).execute(&world.db).await.unwrap();
    assert_eq!(chat::summary(&world, bob, orbit).await.unwrap().chat.kind.name(), "orbit");
    assert_eq!(history(&world, bob, orbit).await.last(), Some(&message));
    let welcome = chat::hello(&world, bob, None, &Held::default()).await.unwrap();
    assert!(welcome.chats.iter().any(|chat| chat.chat.kind.name() == "orbit"));
    let changes = chat::changes(&world, bob, orbit, 0, None).await.unwrap();
    assert_eq!(changes.chat.unwrap().kind.name(), "orbit");
    chat::mark_read(&world, bob, orbit, message.no).await.unwrap();
    assert_eq!(chat::summary(&world, bob, orbit).await.unwrap().unread, 0);
    assert_eq!(refused(chat::post_message(&world, bob, orbit, draft("after")).await), Some(Unavailable));
    assert_eq!(refused(groups::add_member(&world, alice, orbit, bob.user_id).await), Some(Unavailable));
    assert_eq!(refused(groups::delete(&world, alice, orbit).await), Some(Unavailable));
}
