//! The addresses of pages. Only this module parses and writes them, for links, redirects, page loads and offline
//! pages. One exception: `protocol::markdown` links mentions to `/users/@name`. The
//! service worker knows no addresses: it offers the same document for every page.

mod url;

#[cfg(feature = "hydrate")]
pub use url::encoded;

use protocol::{
    ids::{ChatId, UserId},
    time::Timestamp,
};
use std::fmt;
use url::{Query, Url, decode, split};

/// The address of a page: its path, and the part of its query that has a meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// Leads to the chats, or to the sign-in.
    Home,
    Login(Next),
    Register(Next),
    Chats(Filter),
    Chat(ChatId, At),
    Info {
        chat_id: ChatId,
        /// The search for users to add.
        query: String,
    },
    NewChat {
        query: String,
    },
    NewGroup {
        query: String,
        title: String,
        member_ids: Vec<UserId>,
    },
    /// A user by user name, without the `@`.
    Person(String),
    Settings(Section),
}

/// The page that a sign-in leads to; none for the chats. It is one of our own addresses, so it never leads to another
/// site.
pub type Next = Option<Box<Address>>;

/// Which chats the list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    All,
    Unread,
    Groups,
    Archived,
}

/// The part of a conversation that an address points to, and the action that the user begins there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    Newest,
    Before(u64),
    After(u64),
    /// The first message of a day, which is given as its midnight in UTC.
    Day(Timestamp),
    Message(u64),
    /// The actions of a message.
    Menu(u64),
    Reply(u64),
    Edit(u64),
    Report(u64),
    /// Who reacted to a message.
    Reacted(u64),
    /// Who has read a message.
    Seen(u64),
    Forward(Vec<u64>),
}

/// A page of the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Section {
    /// The list of the pages.
    Index,
    Profile,
    Security,
    /// `Security`, after a change of the password.
    PasswordChanged,
    Sessions,
    Notifications,
    Privacy,
    Appearance,
    Language,
}

impl Filter {
    /// The name in an address; empty for `All`.
    #[must_use]
    pub fn name(self) -> &'static str {
        name_of(&FILTERS, self)
    }
}

const FILTERS: [(Filter, &str); 3] =
    [(Filter::Unread, "unread"), (Filter::Groups, "groups"), (Filter::Archived, "archived")];

const SECTIONS: [(Section, &str); 7] = [
    (Section::Profile, "profile"),
    (Section::Security, "security"),
    (Section::Sessions, "sessions"),
    (Section::Notifications, "notifications"),
    (Section::Privacy, "privacy"),
    (Section::Appearance, "appearance"),
    (Section::Language, "language"),
];

impl Address {
    pub const LOGIN: Self = Self::Login(None);
    pub const CHATS: Self = Self::Chats(Filter::All);
    pub const NEW_CHAT: Self = Self::NewChat { query: String::new() };
    pub const NEW_GROUP: Self = Self::NewGroup { query: String::new(), title: String::new(), member_ids: Vec::new() };

    /// The end of a conversation.
    #[must_use]
    pub fn chat(chat_id: ChatId) -> Self {
        Self::Chat(chat_id, At::Newest)
    }

    #[must_use]
    pub fn message(chat_id: ChatId, no: u64) -> Self {
        Self::Chat(chat_id, At::Message(no))
    }

    #[must_use]
    pub fn info(chat_id: ChatId) -> Self {
        Self::Info { chat_id, query: String::new() }
    }

    /// Parses a path with its query; a fragment is ignored. None if no page has this path.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (segments, query) = split(text);
        match segments.as_slice() {
            ["login"] => Some(Self::Login(Self::next(query.get("next")))),
            ["register"] => Some(Self::Register(Self::next(query.get("next")))),
            segments => Self::page(segments, &query),
        }
    }

    /// Parses the address that a sign-in leads to.
    #[must_use]
    pub fn next(text: &str) -> Next {
        let (segments, query) = split(text);
        Self::page(&segments, &query)?.into_next()
    }

    /// This page as the one that a sign-in leads to.
    #[must_use]
    pub fn into_next(self) -> Next {
        match self {
            Self::Home | Self::CHATS | Self::Login(_) | Self::Register(_) => None,
            page => Some(Box::new(page)),
        }
    }

    /// A page that needs a sign-in, or `/`.
    fn page(segments: &[&str], query: &Query) -> Option<Self> {
        Some(match segments {
            [] => Self::Home,
            ["chats"] => Self::Chats(named(&FILTERS, query.get(FILTER)).unwrap_or(Filter::All)),
            ["chats", id] => Self::Chat(id.parse().ok()?, query.at()),
            ["chats", id, "info"] => Self::Info { chat_id: id.parse().ok()?, query: query.text("q") },
            ["new"] if query.get("kind") == "group" => {
                Self::NewGroup { query: query.text("q"), title: query.text("title"), member_ids: query.member_ids() }
            }
            ["new"] => Self::NewChat { query: query.text("q") },
            ["users", name] => Self::Person(decode(name).strip_prefix('@')?.to_owned()),
            ["settings"] => Self::Settings(Section::Index),
            ["settings", "security"] if query.has("saved") => Self::Settings(Section::PasswordChanged),
            ["settings", name] => Self::Settings(named(&SECTIONS, name)?),
            _ => return None,
        })
    }

    /// The chat that the page is about.
    #[must_use]
    pub fn chat_id(&self) -> Option<ChatId> {
        match self {
            Self::Chat(chat_id, _) | Self::Info { chat_id, .. } => Some(*chat_id),
            _ => None,
        }
    }

    /// The page of the settings.
    #[must_use]
    pub fn section(&self) -> Option<Section> {
        match self {
            Self::Settings(Section::PasswordChanged) => Some(Section::Security),
            Self::Settings(section) => Some(*section),
            _ => None,
        }
    }

    /// The URL for a link. Its fragment is the id of the message's row.
    #[must_use]
    pub fn href(&self) -> String {
        let mut url = Url::default();
        match self {
            Self::Home => url.path("/"),
            Self::Login(next) => url.next("/login", next),
            Self::Register(next) => url.next("/register", next),
            Self::Chats(filter) => {
                url.path("/chats");
                url.pair(FILTER, filter.name());
            }
            Self::Chat(chat_id, at) => {
                url.path("/chats/");
                url.path(&chat_id.to_string());
                url.at(at);
            }
            Self::Info { chat_id, query } => {
                url.path("/chats/");
                url.path(&chat_id.to_string());
                url.path("/info");
                url.pair("q", query);
            }
            Self::NewChat { query } => {
                url.path("/new");
                url.pair("q", query);
            }
            Self::NewGroup { query, title, member_ids } => {
                url.path("/new");
                url.pair("kind", "group");
                url.pair("q", query);
                url.pair("title", title);
                member_ids.iter().for_each(|id| url.pair("member_ids[]", &id.to_string()));
            }
            Self::Person(name) => {
                url.path("/users/@");
                url.segment(name);
            }
            Self::Settings(Section::Index) => url.path("/settings"),
            Self::Settings(Section::PasswordChanged) => url.path("/settings/security?saved"),
            Self::Settings(section) => {
                url.path("/settings/");
                url.path(name_of(&SECTIONS, *section));
            }
        }
        url.0
    }
}

/// The cursor in the address of a list that is read in pages: the part of the list that the page shows.
#[cfg(feature = "ssr")]
#[must_use]
pub fn cursor(text: &str) -> Option<String> {
    let (_, query) = text.split_once('?')?;
    Some(Query::parse(query).text(CURSOR)).filter(|cursor| !cursor.is_empty())
}

/// The name of a cursor in an address.
pub const CURSOR: &str = "from";
/// The name of a filter in an address.
pub const FILTER: &str = "filter";

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.href())
    }
}

impl At {
    fn parse(name: &str, value: &str) -> Option<Self> {
        let of: fn(u64) -> Self = match name {
            "before" => Self::Before,
            "after" => Self::After,
            "at" => Self::Message,
            "menu" => Self::Menu,
            "reply" => Self::Reply,
            "edit" => Self::Edit,
            "report" => Self::Report,
            "reacted" => Self::Reacted,
            "seen" => Self::Seen,
            "date" => return day(value).map(Self::Day),
            "forward" => return numbers(value).map(Self::Forward),
            _ => return None,
        };
        value.parse().ok().map(of)
    }

    /// The name and the value in the query.
    fn pair(&self) -> Option<(&'static str, String)> {
        let (name, no) = match self {
            Self::Newest => return None,
            Self::Before(no) => ("before", no),
            Self::After(no) => ("after", no),
            Self::Message(no) => ("at", no),
            Self::Menu(no) => ("menu", no),
            Self::Reply(no) => ("reply", no),
            Self::Edit(no) => ("edit", no),
            Self::Report(no) => ("report", no),
            Self::Reacted(no) => ("reacted", no),
            Self::Seen(no) => ("seen", no),
            Self::Day(day) => return Some(("date", day.to_string().chars().take(DATE_CHARS).collect())),
            Self::Forward(nos) => return Some(("forward", joined(nos))),
        };
        Some((name, no.to_string()))
    }

    /// The message that the address is about. The window is read around this message.
    #[must_use]
    pub fn message(&self) -> Option<u64> {
        match self {
            Self::Newest | Self::Before(_) | Self::After(_) | Self::Day(_) => None,
            Self::Message(no)
            | Self::Menu(no)
            | Self::Reply(no)
            | Self::Edit(no)
            | Self::Report(no)
            | Self::Reacted(no)
            | Self::Seen(no) => Some(*no),
            Self::Forward(nos) => nos.first().copied(),
        }
    }
}

/// The length of `2026-11-29`.
const DATE_CHARS: usize = 10;

/// A date as its midnight in UTC.
#[must_use]
pub fn day(date: &str) -> Option<Timestamp> {
    if date.len() == DATE_CHARS { Timestamp::parse(&format!("{date}T00:00:00Z")) } else { None }
}

/// Numbers as forms and addresses write them: `2,3,5`.
#[must_use]
pub fn joined(nos: &[u64]) -> String {
    nos.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn numbers(text: &str) -> Option<Vec<u64>> {
    text.split(',').map(|no| no.parse().ok()).collect()
}

fn named<T: Copy>(names: &[(T, &str)], name: &str) -> Option<T> {
    names.iter().find(|(_, other)| *other == name).map(|(named, _)| *named)
}

/// The name of a value; empty if it has none.
fn name_of<T: PartialEq>(names: &[(T, &'static str)], named: T) -> &'static str {
    names.iter().find(|(other, _)| *other == named).map_or("", |(_, name)| name)
}

impl Query {
    /// The first pair that points to a part of a conversation.
    fn at(&self) -> At {
        self.0.iter().find_map(|(name, value)| At::parse(name, value)).unwrap_or(At::Newest)
    }

    fn member_ids(&self) -> Vec<UserId> {
        self.0.iter().filter(|(name, _)| name == "member_ids[]").filter_map(|(_, id)| id.parse().ok()).collect()
    }
}

impl Url {
    fn next(&mut self, path: &str, next: &Next) {
        self.path(path);
        if let Some(next) = next {
            self.pair("next", &next.href());
        }
    }

    fn at(&mut self, at: &At) {
        if let Some((name, value)) = at.pair() {
            self.pair(name, &value);
        }
        if let Some(no) = at.message() {
            self.0.push_str("#m");
            self.0.push_str(&no.to_string());
        }
    }
}

#[cfg(test)]
mod tests;
