//! Groups: creation, members, permissions.

use crate::support::{World, draft, history, refused, refused_fields, register, say};
use futures::future::{BoxFuture, join_all};
use protocol::{
    chat::{ChatEvent, MessageKind, UpdateOwnState, Window},
    error::ErrorCode::{self, Conflict, Forbidden, InvalidInput, NotFound, RateLimited},
    groups::{
        Role::{self, Admin, Member, Owner},
        UpdateGroup,
    },
    ids::{ChatId, ClientId, UserId},
};
use services::{
    Actor, Node, Result, chat,
    groups::{self, MembersPage, NewGroup},
};
use std::collections::HashMap;

fn titled(title: &str) -> UpdateGroup {
    UpdateGroup { title: Some(title.into()), description: None }
}

/// The names and roles of the members, as listed.
async fn members(node: &Node, reader: Actor, chat_id: ChatId) -> Vec<(String, Option<Role>)> {
    let page = groups::members(node, reader, chat_id, MembersPage::default()).await.unwrap();
    page.items.into_iter().map(|member| (member.user.username, member.role)).collect()
}

#[tokio::test]
async fn a_new_group_has_its_members_and_a_message_of_its_creation() {
    let world = World::new().await;
    let [alice, bob, carol] = world.people(["alice", "bob", "carol"]).await;
    let member_ids = vec![bob.user_id, carol.user_id, bob.user_id, alice.user_id];
    let new = NewGroup { title: "  Книжный клуб ".into(), member_ids, client_id: None };
    let (summary, created) = groups::create(&world, alice, new).await.unwrap();
    assert!(created);
    assert_eq!((summary.chat.title.as_deref(), summary.chat.member_count), (Some("Книжный клуб"), 3));
    assert_eq!((summary.role, summary.unread, summary.chat.last_no), (Some(Owner), 0, 1));
    let roles = [("alice", Owner), ("bob", Member), ("carol", Member)];
    assert_eq!(members(&world, bob, summary.chat.id).await, roles.map(|(name, role)| (name.into(), Some(role))));
    let rows = history(&world, carol, summary.chat.id).await;
    assert_eq!((rows.len(), rows[0].kind), (1, MessageKind::System));
    let title = "Книжный клуб".into();
    assert_eq!(rows[0].event, Some(ChatEvent::GroupCreated { actor_id: alice.user_id, title }));
    let listed = chat::list(&world, bob, None, None, None).await.unwrap().items;
    assert!(listed.iter().any(|chat| chat.chat.id == summary.chat.id && chat.unread == 0));
}

#[tokio::test]
async fn a_group_is_created_once_per_client_id() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let client_id = Some(ClientId::fresh());
    let new = |title: &str| NewGroup { title: title.into(), member_ids: vec![bob.user_id], client_id };
    let made = join_all((0..20).map(|_| groups::create(&world, alice, new("First")))).await;
    let made: Vec<(ChatId, bool)> =
        made.into_iter().map(|made| made.unwrap()).map(|(s, new)| (s.chat.id, new)).collect();
    assert_eq!(made.iter().filter(|(_, new)| *new).count(), 1);
    assert!(made.iter().all(|(id, _)| *id == made[0].0));
    let (again, new) = groups::create(&world, alice, new("Second")).await.unwrap();
    assert_eq!((again.chat.id, again.chat.title.as_deref(), new), (made[0].0, Some("First"), false));
    let new = NewGroup { title: "Bob's".into(), member_ids: vec![], client_id };
    assert_ne!(groups::create(&world, bob, new).await.unwrap().0.chat.id, made[0].0);
}

#[tokio::test]
async fn a_late_retry_does_not_bring_a_deleted_group_back() {
    let world = World::new().await;
    let alice = register(&world, "alice").await;
    let new = NewGroup { title: "Once".into(), member_ids: vec![], client_id: Some(ClientId::fresh()) };
    let (made, _) = groups::create(&world, alice, new.clone()).await.unwrap();
    groups::delete(&world, alice, made.chat.id).await.unwrap();
    assert_eq!(refused(groups::create(&world, alice, new).await), HIDDEN);
}

#[tokio::test]
async fn an_invalid_group_is_refused_with_all_invalid_fields() {
    let world = World::new().await;
    let alice = register(&world, "alice").await;
    for (title, ids, expected) in [
        ("", vec![UserId::fresh()], &["member_ids", "title"][..]),
        ("two\nlines", vec![], &["title"]),
        ("\u{202e}turned", vec![], &["title"]),
        (&"x".repeat(129), vec![], &["title"]),
        ("fine", (0..10_000).map(|_| UserId::fresh()).collect(), &["member_ids"]),
    ] {
        let new = NewGroup { title: title.into(), member_ids: ids, client_id: None };
        assert_eq!(refused_fields(groups::create(&world, alice, new).await), expected, "{title}");
    }
    assert_eq!(chat::list(&world, alice, None, None, None).await.unwrap().items.len(), 1);
}

/// A group, users of each role, and users who are not members.
#[derive(Clone, Copy)]
struct Cast {
    group: ChatId,
    owner: Actor,
    admin: Actor,
    member: Actor,
    stranger: Actor,
    removed: Actor,
    other_admin: Actor,
    other_member: Actor,
}

impl Cast {
    fn actors(&self) -> [(&'static str, Actor); 5] {
        [
            ("owner", self.owner),
            ("admin", self.admin),
            ("member", self.member),
            ("stranger", self.stranger),
            ("removed", self.removed),
        ]
    }
}

async fn gather(world: &World, people: [Actor; 7]) -> Cast {
    let [owner, admin, member, stranger, removed, other_admin, other_member] = people;
    let group = world.group(owner, &[admin, member, removed, other_admin, other_member]).await;
    for promoted in [admin, other_admin] {
        groups::change_role(world, owner, group, promoted.user_id, Admin).await.unwrap();
    }
    groups::remove_member(world, owner, group, removed.user_id).await.unwrap();
    Cast { group, owner, admin, member, stranger, removed, other_admin, other_member }
}

type Deed = fn(Node, Actor, Cast) -> BoxFuture<'static, Result<()>>;

macro_rules! deed {
    (|$node:ident, $actor:ident, $cast:ident| $call:expr) => {
        |$node, $actor, $cast| Box::pin(async move { $call.await.map(drop) })
    };
}

const GRANTED: Option<ErrorCode> = None;
const FORBIDDEN: Option<ErrorCode> = Some(Forbidden);
const HIDDEN: Option<ErrorCode> = Some(NotFound);

#[tokio::test]
async fn each_role_has_its_permissions_and_outsiders_see_nothing() {
    let world = World::new().await;
    let people = world.people(["owner", "admin", "member", "stranger", "removed", "other_admin", "other_member"]).await;
    let everyone = [GRANTED; 3];
    let admins = [GRANTED, GRANTED, FORBIDDEN];
    let owners = [GRANTED, FORBIDDEN, FORBIDDEN];
    // The results for the owner, an admin and a member. The stranger and the removed member get `not_found`.
    let table: [(&str, Deed, [Option<ErrorCode>; 3]); 17] = [
        ("see", deed!(|node, actor, at| chat::summary(&node, actor, at.group)), everyone),
        ("read", deed!(|node, actor, at| chat::history(&node, actor, at.group, Window::Newest, None)), everyone),
        ("catch up", deed!(|node, actor, at| chat::changes(&node, actor, at.group, 0, None)), everyone),
        (
            "list members",
            deed!(|node, actor, at| groups::members(&node, actor, at.group, MembersPage::default())),
            everyone,
        ),
        ("send", deed!(|node, actor, at| chat::post_message(&node, actor, at.group, draft("hi"))), everyone),
        ("mark read", deed!(|node, actor, at| chat::mark_read(&node, actor, at.group, 1)), everyone),
        ("type", deed!(|node, actor, at| chat::typing(&node, actor, at.group)), everyone),
        (
            "pin",
            deed!(|node, actor, at| {
                let update = UpdateOwnState { pinned: Some(true), ..UpdateOwnState::default() };
                chat::update_own_state(&node, actor, at.group, update)
            }),
            everyone,
        ),
        ("rename", deed!(|node, actor, at| groups::update(&node, actor, at.group, titled("New"))), admins),
        (
            "add a stranger",
            deed!(|node, actor, at| groups::add_member(&node, actor, at.group, at.stranger.user_id)),
            admins,
        ),
        (
            "add a member again",
            deed!(|node, actor, at| groups::add_member(&node, actor, at.group, at.other_member.user_id)),
            admins,
        ),
        (
            "remove a member",
            deed!(|node, actor, at| groups::remove_member(&node, actor, at.group, at.other_member.user_id)),
            admins,
        ),
        (
            "remove an admin",
            deed!(|node, actor, at| groups::remove_member(&node, actor, at.group, at.other_admin.user_id)),
            owners,
        ),
        (
            "remove the owner before a transfer of ownership",
            deed!(|node, actor, at| groups::remove_member(&node, actor, at.group, at.owner.user_id)),
            [Some(Conflict), FORBIDDEN, FORBIDDEN],
        ),
        (
            "leave",
            deed!(|node, actor, at| groups::remove_member(&node, actor, at.group, actor.user_id)),
            [Some(Conflict), GRANTED, GRANTED],
        ),
        (
            "promote",
            deed!(|node, actor, at| groups::change_role(&node, actor, at.group, at.other_member.user_id, Admin)),
            owners,
        ),
        ("delete", deed!(|node, actor, at| groups::delete(&node, actor, at.group)), owners),
    ];
    for (what, deed, inside) in table {
        let expected = [inside.as_slice(), &[HIDDEN; 2]].concat();
        let mut cast = gather(&world, people).await;
        for ((who, actor), expected) in cast.actors().into_iter().zip(expected) {
            assert_eq!(refused(deed(world.clone(), actor, cast).await), expected, "{who} may {what}?");
            if expected.is_none() {
                cast = gather(&world, people).await;
            }
        }
    }
}

#[tokio::test]
async fn direct_and_saved_chats_refuse_the_operations_of_groups() {
    let world = World::new().await;
    let people = world.people(["alice", "bob", "carol"]).await;
    let [alice, bob, carol] = people;
    for chat_id in [world.direct(alice, bob).await, chat::saved_id(alice.user_id)] {
        for (actor, expected) in [(alice, Forbidden), (carol, NotFound)] {
            let codes = [
                refused(groups::add_member(&world, actor, chat_id, carol.user_id).await),
                refused(groups::remove_member(&world, actor, chat_id, actor.user_id).await),
                refused(groups::change_role(&world, actor, chat_id, bob.user_id, Owner).await),
                refused(groups::update(&world, actor, chat_id, titled("New")).await),
                refused(groups::delete(&world, actor, chat_id).await),
            ];
            assert_eq!(codes, [Some(expected); 5]);
        }
        assert!(chat::summary(&world, alice, chat_id).await.is_ok());
    }
}

#[tokio::test]
async fn removed_member_gets_nothing_after_the_removal() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    say(&world, alice, group, "for both").await;
    let seen = chat::summary(&world, bob, group).await.unwrap();
    groups::remove_member(&world, alice, group, bob.user_id).await.unwrap();
    say(&world, alice, group, "for one").await;

    let listed = chat::list(&world, bob, None, None, None).await.unwrap().items;
    assert!(listed.iter().all(|chat| chat.chat.id != group));
    let held = HashMap::from([(group, seen.chat.seq)]);
    let welcome = chat::hello(&world, bob, Some(seen.my_seq), &held.clone().into()).await.unwrap();
    assert_eq!((welcome.gone, welcome.chats.len()), (vec![group], 1));
    assert!(welcome.mine > seen.my_seq);
    let heads = chat::heads(&world, bob, &held.clone().into()).await.unwrap();
    assert_eq!((heads.gone, heads.chats.len()), (vec![group], 0));
    assert_eq!(refused(chat::changes(&world, bob, group, seen.chat.seq, None).await), HIDDEN);
}

#[tokio::test]
async fn a_removed_member_is_a_tombstone_in_changes_and_absent_from_lists() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    let before = chat::summary(&world, alice, group).await.unwrap();
    groups::remove_member(&world, alice, group, bob.user_id).await.unwrap();
    let changes = chat::changes(&world, alice, group, before.chat.seq, None).await.unwrap();
    let tombstones: Vec<(UserId, bool)> = changes.members.iter().map(|m| (m.user.id, m.removed)).collect();
    assert_eq!(tombstones, [(bob.user_id, true)]);
    let removed = ChatEvent::MemberRemoved { actor_id: alice.user_id, user_id: bob.user_id };
    assert_eq!(changes.messages.iter().filter_map(|m| m.event.clone()).collect::<Vec<_>>(), [removed]);
    assert_eq!(changes.chat.unwrap().member_count, 1);
    assert_eq!(members(&world, alice, group).await, [("alice".into(), Some(Owner))]);
}

#[tokio::test]
async fn a_member_who_is_added_again_has_read_all_messages() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    groups::change_role(&world, alice, group, bob.user_id, Admin).await.unwrap();
    groups::remove_member(&world, bob, group, bob.user_id).await.unwrap();
    say(&world, alice, group, "meanwhile").await;
    let last_no = chat::summary(&world, alice, group).await.unwrap().chat.last_no;
    let (member, new) = groups::add_member(&world, alice, group, bob.user_id).await.unwrap();
    // The addition itself is one system message.
    assert_eq!((new, member.removed, member.role, member.read_no), (true, false, Some(Member), last_no + 1));
    let summary = chat::summary(&world, bob, group).await.unwrap();
    assert_eq!((summary.read_no, summary.unread), (summary.chat.last_no, 0));
    // The whole history is visible, also from the time of the absence.
    let nos: Vec<u64> = history(&world, bob, group).await.iter().map(|message| message.no).collect();
    assert_eq!(nos, (1..=last_no + 1).collect::<Vec<_>>());
    assert_eq!(members(&world, bob, group).await.len(), 2);
}

#[tokio::test]
async fn adding_a_present_member_changes_nothing() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    let before = chat::summary(&world, alice, group).await.unwrap();
    let added = join_all((0..10).map(|_| groups::add_member(&world, alice, group, bob.user_id))).await;
    assert!(added.into_iter().all(|added| !added.unwrap().1));
    assert_eq!(chat::summary(&world, alice, group).await.unwrap(), before);
    assert_eq!(refused_fields(groups::add_member(&world, alice, group, UserId::fresh()).await), ["user_id"]);
}

#[tokio::test]
async fn an_owner_may_leave_after_a_transfer_of_ownership() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    assert_eq!(refused(groups::change_role(&world, alice, group, alice.user_id, Member).await), Some(Conflict));
    groups::change_role(&world, alice, group, bob.user_id, Owner).await.unwrap();
    assert_eq!(members(&world, alice, group).await, [("bob".into(), Some(Owner)), ("alice".into(), Some(Admin))]);
    groups::remove_member(&world, alice, group, alice.user_id).await.unwrap();
    assert_eq!(refused(chat::summary(&world, alice, group).await), HIDDEN);
    // The only member leaves without a transfer of ownership.
    groups::remove_member(&world, bob, group, bob.user_id).await.unwrap();
    assert_eq!(refused(chat::summary(&world, bob, group).await), HIDDEN);
}

#[tokio::test]
async fn a_new_title_is_written_once_and_announced() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    let before = chat::summary(&world, bob, group).await.unwrap();
    for _ in 0..2 {
        let update = UpdateGroup { title: Some(" New ".into()), description: Some("About\nus".into()) };
        groups::update(&world, alice, group, update).await.unwrap();
    }
    let after = chat::summary(&world, bob, group).await.unwrap();
    assert_eq!((after.chat.title.as_deref(), after.chat.description.as_str()), (Some("New"), "About\nus"));
    assert_eq!((after.chat.seq, after.unread), (before.chat.seq + 2, 0));
    let event = ChatEvent::TitleChanged { actor_id: alice.user_id, title: "New".into() };
    assert_eq!(after.last_message.unwrap().event, Some(event));
    let wrong = UpdateGroup { title: Some(String::new()), description: Some("x".repeat(1_001)) };
    assert_eq!(refused_fields(groups::update(&world, alice, group, wrong).await), ["description", "title"]);
}

#[tokio::test]
async fn members_are_listed_by_role_and_name_and_found_by_prefix() {
    let world = World::new().await;
    let people = world.people(["olga", "zoe", "bob", "bill", "ann"]).await;
    let [olga, zoe, others @ ..] = people;
    let group = world.group(olga, &[&[zoe], others.as_slice()].concat()).await;
    groups::change_role(&world, olga, group, zoe.user_id, Admin).await.unwrap();
    let names = async |query: Option<&str>, cursor: Option<&str>, limit: Option<u32>| {
        let page = groups::members(&world, olga, group, MembersPage { query, cursor, limit, ..MembersPage::default() })
            .await
            .unwrap();
        (page.items.into_iter().map(|member| member.user.username).collect::<Vec<_>>(), page.next)
    };
    assert_eq!(names(None, None, None).await, (["olga", "zoe", "ann", "bill", "bob"].map(Into::into).into(), None));
    assert_eq!(names(Some(" B"), None, None).await.0, ["bill", "bob"]);
    for nobody in ["%", "_", "\\", "\0", "b%"] {
        assert_eq!(names(Some(nobody), None, None).await.0, [""; 0], "{nobody:?}");
    }
    let (mut paged, mut cursor) = (Vec::new(), None);
    loop {
        let (page, next) = names(None, cursor.as_deref(), Some(2)).await;
        assert!(page.len() <= 2);
        paged.extend(page);
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(paged, ["olga", "zoe", "ann", "bill", "bob"]);
    let wrong = MembersPage { cursor: Some("second"), ..MembersPage::default() };
    assert_eq!(refused_fields(groups::members(&world, olga, group, wrong).await), ["cursor"]);
}

#[tokio::test]
async fn a_deleted_group_no_longer_exists_for_its_members() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    say(&world, bob, group, "here").await;
    groups::delete(&world, alice, group).await.unwrap();
    for actor in [alice, bob] {
        assert_eq!(refused(chat::summary(&world, actor, group).await), HIDDEN);
        assert_eq!(refused(chat::history(&world, actor, group, Window::Newest, None).await), HIDDEN);
        assert_eq!(refused(chat::post_message(&world, actor, group, draft("hi")).await), HIDDEN);
        let heads = chat::heads(&world, actor, &HashMap::from([(group, 1)]).into()).await.unwrap();
        assert_eq!(heads.gone, [group]);
    }
    assert_eq!(refused(groups::delete(&world, alice, group).await), HIDDEN);
}

#[tokio::test]
async fn creating_a_group_counts_each_member_against_the_rate() {
    let world = World::with_rates().await;
    let [alice] = world.people(["alice"]).await;
    let create = async |count: usize| {
        let member_ids = (0..count).map(|_| UserId::fresh()).collect();
        refused(groups::create(&world, alice, NewGroup { title: "Many".into(), member_ids, client_id: None }).await)
    };
    assert_eq!(create(300).await, Some(InvalidInput), "nobody has these ids");
    assert_eq!(create(300).await, Some(RateLimited));
    assert_eq!(create(10).await, Some(InvalidInput));
}
