//! Lists that are read in pages: their order, their search, and changes between two pages.

use crate::support::{self, World, refused_fields, register, say};
use futures::future::join_all;
use protocol::{
    Page,
    chat::Reacted,
    groups::Role,
    ids::ChatId,
    profiles::{UpdateMe, User},
};
use services::{
    Actor, Node,
    chat::{self, blocks, commit::Reacting},
    groups::{self, MembersPage},
    profiles,
};
use std::collections::BTreeMap;

async fn rename(node: &Node, actor: Actor, name: &str) {
    let update = UpdateMe { display_name: Some(name.into()), ..UpdateMe::default() };
    profiles::update_me(node, actor, update).await.unwrap();
}

/// A group of an owner and of members with these names.
async fn group_of(world: &World, names: &[&str]) -> (Actor, ChatId, Vec<Actor>) {
    let owner = register(world, "owner").await;
    let usernames: Vec<String> = (0..names.len()).map(|i| format!("member_{i}")).collect();
    let members = join_all(usernames.iter().map(|username| register(world, username))).await;
    for (member, name) in members.iter().zip(names) {
        rename(world, *member, name).await;
    }
    let group = world.group(owner, &members).await;
    (owner, group, members)
}

/// The names of a page of the members, and its cursor.
async fn page(node: &Node, reader: Actor, group: ChatId, page: MembersPage<'_>) -> (Vec<String>, Option<String>) {
    let page = groups::members(node, reader, group, page).await.unwrap();
    (page.items.into_iter().map(|member| member.user.display_name).collect(), page.next)
}

#[tokio::test]
async fn names_have_the_order_of_the_readers_language() {
    let world = World::new().await;
    let names = ["Жук", "ёж", "Ель", "ежевика", "Яна", "Zoe", "álva", "Alb", "Boris", "Ёлка", "_x", "7"];
    let (owner, group, _) = group_of(&world, &names).await;
    let cyrillic = ["ёж", "ежевика", "Ёлка", "Ель", "Жук", "Яна"];
    let latin = ["Alb", "álva", "Boris", "Zoe"];
    for (language, expected) in [
        ("ru", [&["owner", "_x", "7"], &cyrillic[..], &latin[..]].concat()),
        ("en", [&["owner", "_x", "7"], &latin[..], &cyrillic[..]].concat()),
        ("", [&["owner", "_x", "7"], &latin[..], &cyrillic[..]].concat()),
    ] {
        let whole = MembersPage { language, ..MembersPage::default() };
        assert_eq!(page(&world, owner, group, whole).await.0, expected, "{language}");
        // Two by two, and the cursor keeps the language.
        let mut paged = Vec::new();
        let mut next = None;
        loop {
            let language = if next.is_none() { language } else { "en" };
            let part = MembersPage { cursor: next.as_deref(), limit: Some(2), language, query: None };
            let (some, after) = page(&world, owner, group, part).await;
            paged.extend(some);
            next = after;
            if next.is_none() {
                break;
            }
        }
        assert_eq!(paged, expected, "{language}, in pages");
    }
}

#[tokio::test]
async fn a_change_between_two_pages_neither_skips_nor_repeats_a_member() {
    let world = World::new().await;
    let names = ["Ada", "Bob", "Cyd", "Dan", "Eve", "Fay", "Gus", "Hal"];
    let (owner, group, members) = group_of(&world, &names).await;
    let admin = register(&world, "admin").await;
    groups::add_member(&world, owner, group, admin.user_id).await.unwrap();
    groups::change_role(&world, owner, group, admin.user_id, Role::Admin).await.unwrap();
    let first = groups::members(&world, owner, group, MembersPage { limit: Some(5), ..MembersPage::default() });
    let first = first.await.unwrap();
    let mut seen: BTreeMap<_, u32> = BTreeMap::new();
    first.items.iter().for_each(|member| *seen.entry(member.user.id).or_default() += 1);
    let names: Vec<&str> = first.items.iter().map(|member| member.user.display_name.as_str()).collect();
    assert_eq!(names, ["owner", "admin", "Ada", "Bob", "Cyd"]);
    // A member on the first page goes to the end, the last one to the beginning, one of each page leaves, and the
    // member at the cursor has another name.
    rename(&world, members[0], "Zed").await;
    rename(&world, members[7], "Aaa").await;
    rename(&world, members[2], "Yan").await;
    groups::remove_member(&world, members[1], group, members[1].user_id).await.unwrap();
    groups::remove_member(&world, members[4], group, members[4].user_id).await.unwrap();
    let mut next = first.next;
    while let Some(cursor) = next {
        let part = MembersPage { cursor: Some(&cursor), limit: Some(2), ..MembersPage::default() };
        let part = groups::members(&world, owner, group, part).await.unwrap();
        part.items.iter().for_each(|member| *seen.entry(member.user.id).or_default() += 1);
        next = part.next;
    }
    seen.remove(&owner.user_id);
    seen.remove(&admin.user_id);
    let expected = (0..8).filter(|place| *place != 4).map(|place| (members[place].user_id, 1));
    let expected: BTreeMap<_, u32> = expected.collect();
    assert_eq!(seen, expected, "all members but the one who left before the second page, each once");
}

#[tokio::test]
async fn a_cursor_of_another_form_is_refused() {
    let world = World::new().await;
    let (owner, group, _) = group_of(&world, &[]).await;
    let id = owner.user_id;
    for cursor in
        ["", "2", "ru", "ru.1.2", "de.1.2.x.y", "ru.1.2.x.y", &format!("ru.1.2.{id}"), &format!("ru.1.2.{id}.\0")]
    {
        let wrong = MembersPage { cursor: Some(cursor), ..MembersPage::default() };
        assert_eq!(refused_fields(groups::members(&world, owner, group, wrong).await), ["cursor"], "{cursor:?}");
        assert_eq!(refused_fields(blocks::list(&world, owner, Some(cursor), None).await), ["cursor"], "{cursor:?}");
        let reacted = chat::reacted(&world, owner, group, 1, Some(cursor), None).await;
        assert_eq!(refused_fields(reacted), ["cursor"], "{cursor:?}");
    }
    assert_eq!(refused_fields(profiles::find(&world, "a", Some("no name")).await), ["cursor"]);
}

#[tokio::test]
async fn searches_ignore_case_accents_and_ё() {
    let world = World::new().await;
    let (owner, group, members) = group_of(&world, &["Смеётся Ёж", "Álvaro Núñez", "ЕЖЕВИКА", "Ｗide"]).await;
    for (query, expected) in [
        ("смеет", &[0][..]),
        ("СМЕЁТ", &[0]),
        ("ёж", &[0, 2]),
        ("еж", &[0, 2]),
        ("alv", &[1]),
        ("ÁLV", &[1]),
        ("nun", &[1]),
        ("ежев", &[2]),
        ("wide", &[3]),
    ] {
        let mut expected: Vec<_> = expected.iter().map(|place: &usize| members[*place].user_id).collect();
        expected.sort_unstable();
        let found = profiles::find(&world, query, None).await.unwrap().items;
        let mut found: Vec<_> = found.into_iter().map(|user| user.id).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "people: {query}");
        let listed = MembersPage { query: Some(query), ..MembersPage::default() };
        let listed = groups::members(&world, owner, group, listed).await.unwrap().items;
        let mut listed: Vec<_> = listed.into_iter().map(|member| member.user.id).collect();
        listed.sort_unstable();
        assert_eq!(listed, expected, "members: {query}");
    }
}

/// The database and Rust fold names alike.
#[tokio::test]
async fn every_name_finds_itself() {
    let world = World::new().await;
    let (alice, group, _) = group_of(&world, &[]).await;
    for name in [
        "İstanbul",
        "ΣΊΣΥΦΟΣ",
        "ſtraße",
        "ẞ",
        "ﬁsh",
        "Ｆｕｌｌ",
        "Ǆ",
        "℡",
        "Ⅷ",
        "한국",
        "が",
        "Åse",
        "ÅSE",
        "Йод",
        "ЇЖАК",
        "שָׁלוֹם",
        "مُحَمَّد",
        "हिंदी",
        "Việt Nam",
        "Ŀ",
        "ŉ",
        "²³",
        "½",
        "Ω",
        "K",
        "ᾳ",
        "Ყ",
        "Ꭰ",
        "Ɐ",
        "x̌",
        "👍🏽",
    ] {
        rename(&world, alice, name).await;
        let query = MembersPage { query: Some(name), ..MembersPage::default() };
        assert_eq!(page(&world, alice, group, query).await.0, [name]);
    }
}

#[tokio::test]
async fn people_are_found_in_pages() {
    let world = World::new().await;
    let usernames: Vec<String> = (0..45).map(|i| format!("anna_{}", "x".repeat(i % 7 + 1) + &i.to_string())).collect();
    let people = join_all(usernames.iter().map(|username| register(&world, username))).await;
    // These are found by their display names.
    for person in &people[30..] {
        rename(&world, *person, "Maria Anna").await;
    }
    let bob = register(&world, "bob").await;
    rename(&world, bob, "Anna").await;
    let first = profiles::find(&world, "anna", None).await.unwrap();
    assert_eq!(first.items.len(), 20);
    // A change of a name between two pages moves nobody.
    rename(&world, people[0], "Anna").await;
    let (mut found, mut next) = (first.items, first.next);
    while let Some(cursor) = next {
        let page = profiles::find(&world, "anna", Some(&cursor)).await.unwrap();
        found.extend(page.items);
        next = page.next;
    }
    let lengths: Vec<usize> = found[..45].iter().map(|user| user.username.len()).collect();
    assert!(lengths.is_sorted(), "the shortest user names come first: {lengths:?}");
    assert_eq!(found[45].id, bob.user_id, "matches of the user name come first");
    let mut ids: Vec<_> = found.into_iter().map(|user| user.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 46);
}

#[tokio::test]
async fn blocks_are_listed_in_pages() {
    let world = World::new().await;
    let alice = register(&world, "alice").await;
    let names: Vec<String> = (0..7).map(|i| format!("other_{i}")).collect();
    let others = join_all(names.iter().map(|name| register(&world, name))).await;
    for other in &others {
        blocks::block(&world, alice, other.user_id).await.unwrap();
    }
    let ids = |page: &Page<User>| page.items.iter().map(|user| user.id).collect::<Vec<_>>();
    let whole = ids(&blocks::list(&world, alice, None, None).await.unwrap());
    assert_eq!((whole.len(), whole[0]), (7, others[6].user_id), "the latest block first");
    let first = blocks::list(&world, alice, None, Some(3)).await.unwrap();
    assert_eq!(ids(&first), whole[..3]);
    // The last one of the page, to which the cursor points, goes too.
    for place in [0, 2] {
        blocks::unblock(&world, alice, whole[place]).await.unwrap();
    }
    let second = blocks::list(&world, alice, first.next.as_deref(), Some(3)).await.unwrap();
    assert_eq!(ids(&second), whole[3..6]);
    let last = blocks::list(&world, alice, second.next.as_deref(), Some(3)).await.unwrap();
    assert_eq!((ids(&last).as_slice(), last.next), (&whole[6..], None));
}

#[tokio::test]
async fn a_reaction_taken_back_between_two_pages_skips_nobody() {
    let world = World::new().await;
    let (owner, group, members) = group_of(&world, &["a", "b", "c", "d", "e", "f"]).await;
    let no = say(&world, owner, group, "Vote").await.no;
    let react = async |member: Actor, how| {
        support::react(&world, member, (group, no), "👍", how).await.unwrap();
    };
    for member in &members {
        react(*member, Reacting::Give).await;
    }
    let ids = |page: &Page<Reacted>| page.items.iter().map(|reacted| reacted.user.id).collect::<Vec<_>>();
    let whole = ids(&chat::reacted(&world, owner, group, no, None, None).await.unwrap());
    let first = chat::reacted(&world, owner, group, no, None, Some(3)).await.unwrap();
    assert_eq!(ids(&first), whole[..3]);
    for place in [0, 2] {
        let member = members.iter().find(|member| member.user_id == whole[place]).unwrap();
        react(*member, Reacting::TakeBack).await;
    }
    let rest = chat::reacted(&world, owner, group, no, first.next.as_deref(), Some(3)).await.unwrap();
    assert_eq!((ids(&rest).as_slice(), rest.next), (&whole[3..], None));
}
