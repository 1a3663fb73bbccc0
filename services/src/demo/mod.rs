//! The rooms of `messenger demo`, each loaded with its recorded conversation, and one account to watch them. Must
//! not know the source of the conversations, nor how they are replayed.

mod queries;

use crate::{
    Node, Result, auth,
    chat::{self, queries as chats},
    groups,
    infra::{clock, database},
    profiles,
};
use protocol::{
    chat::{ChatEvent, ChatKind, Message, MessageKind},
    groups::Role,
    ids::{ChatId, ClientId, MessageId, UserId},
    text::{DisplayName, MessageText, Username},
    time::Timestamp,
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The account that can sign in.
const ACCOUNT: &str = "demo";
/// The namespace of ids derived from names: a room that is loaded twice has the same id, so it exists once.
const NAMES: Uuid = Uuid::from_u128(0x6ff0_7c31_5f1f_4a57_9d0e_2b1c_94c3_5a10);
/// The number of unread messages that the account finds in a loaded room.
const LEFT_UNREAD: u64 = 10;

/// A conversation about to be loaded.
#[derive(Clone, Debug)]
pub struct Room {
    /// Identifies the room permanently: the chat's id derives from it.
    pub name: String,
    pub title: String,
    pub description: String,
    /// Each user once; the first is the group's owner.
    pub people: Vec<Person>,
    /// In order of time.
    pub lines: Vec<Line>,
}

/// A user who cannot sign in.
#[derive(Clone, Debug)]
pub struct Person {
    pub user_id: UserId,
    username: String,
    /// Used if another user has `username`.
    spare_username: String,
    display_name: String,
}

#[derive(Clone, Debug)]
pub struct Line {
    pub sender: UserId,
    pub text: MessageText,
    pub at: Timestamp,
}

/// The account that can sign in.
#[derive(Clone, Debug)]
pub struct Account {
    pub user_id: UserId,
    pub username: String,
}

impl Room {
    #[must_use]
    pub fn chat_id(&self) -> ChatId {
        ChatId(derived("room", &self.name))
    }
}

impl Person {
    /// A user with a nickname, which identifies them regardless of case, and a name to show.
    #[must_use]
    pub fn new(nick: &str, shown: &str) -> Self {
        let username = username(nick);
        let display_name = DisplayName::parse(shown).map_or_else(|_| username.clone(), DisplayName::into_string);
        Self { user_id: person_id(nick), spare_username: changed_username(nick), username, display_name }
    }
}

/// Makes the demo account, or finds it, and gives it this password.
///
/// # Errors
/// `invalid_input` for a password that the rules refuse.
pub async fn open_account(node: &Node, password: &str) -> Result<Account> {
    let account = Person { username: ACCOUNT.into(), ..Person::new(ACCOUNT, "Demo") };
    let user_id = account.user_id;
    let mut tx = database::begin(&node.db).await?;
    queries::insert_people(&mut tx, std::slice::from_ref(&account)).await?;
    chat::create_saved(&mut tx, user_id).await?;
    tx.commit().await?;
    let found = profiles::queries::users(&node.db, &[user_id]).await?;
    let username = found.into_iter().next().map_or(account.username, |user| user.username);
    auth::reset_password(node, &username, password).await?;
    Ok(Account { user_id, username })
}

/// Loads a room with its people and `watcher` as members. False when it is there already.
///
/// # Errors
/// `unavailable` if the database does not respond.
pub async fn load_room(node: &Node, room: &Room, watcher: UserId) -> Result<bool> {
    let Some(owner) = room.people.first() else { return Ok(false) };
    let chat_id = room.chat_id();
    let mut members = vec![(owner.user_id, Some(Role::Owner))];
    members.extend(room.people.iter().skip(1).map(|person| (person.user_id, Some(Role::Member))));
    members.push((watcher, Some(Role::Member)));
    let messages = messages(room, owner.user_id, members.len() as u64 + 1);

    let mut tx = database::begin(&node.db).await?;
    let group = chats::NewChat { chat_id, kind: ChatKind::Group, title: Some(&room.title), members: &members };
    let Some(mut row) = chats::insert_chat(&mut tx, group).await? else { return Ok(false) };
    queries::insert_people(&mut tx, &room.people).await?;
    if let Some(last) = messages.last() {
        row.description.clone_from(&room.description);
        (row.last_no, row.seq, row.active_at) = (last.no, last.seq, last.created_at);
        chats::write_messages(&mut tx, chat_id, messages.iter()).await?;
        chats::write_texts(&mut tx, chat_id, &row).await?;
        queries::backdate(&mut tx, chat_id, began(room)).await?;
        queries::mark_read_by_all(&mut tx, chat_id, last.no).await?;
        queries::leave_unread(&mut tx, chat_id, watcher, last.no.saturating_sub(LEFT_UNREAD)).await?;
    }
    let everybody: Vec<UserId> = members.iter().map(|(id, _)| *id).collect();
    chats::add_to_lists(&mut tx, chat_id, &everybody, true).await?;
    tx.commit_with(&chats::last_statements(chat_id, &BTreeMap::new(), &row)).await?;
    Ok(true)
}

fn began(room: &Room) -> Timestamp {
    room.lines.first().map_or_else(clock::now, |line| line.at)
}

/// The messages of a room: the system message of the group's creation, then its lines. `seq` is the chat's `seq`
/// before them.
fn messages(room: &Room, owner: UserId, seq: u64) -> Vec<Message> {
    let event = ChatEvent::GroupCreated { actor_id: owner, title: room.title.clone() };
    let created = Message { created_at: began(room), ..groups::first_message(room.chat_id(), owner, event, seq + 1) };
    let lines = room.lines.iter().zip(2..).map(|(line, no)| Message {
        no,
        seq: seq + no,
        id: MessageId::fresh(),
        client_id: ClientId::fresh(),
        sender_id: line.sender,
        kind: MessageKind::Text,
        text: line.text.as_str().to_owned(),
        event: None,
        created_at: line.at,
        ..created.clone()
    });
    std::iter::once(created.clone()).chain(lines).collect()
}

fn derived(what: &str, name: &str) -> Uuid {
    Uuid::new_v5(&NAMES, format!("{what} {name}").as_bytes())
}

fn person_id(nick: &str) -> UserId {
    UserId(derived("person", &nick.to_lowercase()))
}

/// The nickname if it is a legal user name, else a user name derived from it.
fn username(nick: &str) -> String {
    let lower = nick.to_lowercase();
    match Username::parse(nick) {
        Ok(name) if name.as_str() == lower && lower != ACCOUNT => lower,
        _ => changed_username(nick),
    }
}

/// The legal characters of a nickname and a part of its hash, so that `a|b` and `a^b` get different user names.
fn changed_username(nick: &str) -> String {
    let kept = nick.to_lowercase().replace(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit(), "_");
    let stem: String = kept.trim_matches('_').chars().take(25).collect();
    let [a, b, c, ..] = person_id(nick).0.into_bytes();
    format!("{stem}_{a:02x}{b:02x}{c:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legal_nicknames_stay_and_others_are_changed() {
        for (nick, stem) in [
            ("HrdwrBoB", "hrdwrbob"),
            ("under_score", "under_score"),
            ("|trey|", "trey_"),
            ("Christian-M-NY", "christian_m_ny_"),
            ("alt^255", "alt_255_"),
            ("jo", "jo_"),
            ("Женя", "_"),
            ("demo", "demo_"),
            ("a_nickname_that_is_longer_than_32_characters", "a_nickname_that_is_longer_"),
        ] {
            let name = username(nick);
            assert_eq!(Username::parse(&name).map(Username::into_string), Ok(name.clone()), "{nick}");
            let changed = name != nick.to_lowercase();
            assert_eq!(name.get(..name.len() - if changed { 6 } else { 0 }), Some(stem), "{nick}");
        }
    }

    #[test]
    fn speakers_are_identified_by_nickname_regardless_of_case() {
        assert_ne!(username("quinn`"), username("quinn^"));
        assert_eq!(username("Quinn`"), username("quinn`"));
        assert_eq!(person_id("HrdwrBoB"), person_id("hrdwrbob"));
    }
}
