//! The addresses of pages. Only this module parses and writes them, for links, redirects, page loads and offline
//! pages. One exception: `protocol::markdown` links mentions to `/users/@name`. The
//! service worker knows no addresses: it offers the same document for every page.

use protocol::{
    ids::{ChatId, UserId},
    time::Timestamp,
};
use std::fmt;

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

    /// A page other than those for strangers.
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
                encode(name, &mut url.0);
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

/// The segments of a path, and its query; a fragment is ignored.
fn split(text: &str) -> (Vec<&str>, Query) {
    let text = text.split('#').next().unwrap_or_default();
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    (path.split('/').filter(|segment| !segment.is_empty()).collect(), Query::parse(query))
}

/// The pairs of a query, decoded.
struct Query(Vec<(String, String)>);

impl Query {
    fn parse(query: &str) -> Self {
        let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        Self(pairs.map(|(name, value)| (decode(name), decode(value))).collect())
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(other, _)| other == name)
    }

    /// The first value of a name; empty if there is none.
    fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
    }

    fn text(&self, name: &str) -> String {
        self.get(name).to_owned()
    }

    /// The first pair that points to a part of a conversation.
    fn at(&self) -> At {
        self.0.iter().find_map(|(name, value)| At::parse(name, value)).unwrap_or(At::Newest)
    }

    fn member_ids(&self) -> Vec<UserId> {
        self.0.iter().filter(|(name, _)| name == "member_ids[]").filter_map(|(_, id)| id.parse().ok()).collect()
    }
}

/// A URL that is being built.
#[derive(Default)]
struct Url(String);

impl Url {
    fn path(&mut self, text: &str) {
        self.0.push_str(text);
    }

    /// Adds a pair to the query, unless its value is empty.
    fn pair(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.0.push(if self.0.contains('?') { '&' } else { '?' });
            encode(name, &mut self.0);
            self.0.push('=');
            encode(value, &mut self.0);
        }
    }

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

/// A text for the query of an address.
#[cfg(feature = "hydrate")]
#[must_use]
pub fn encoded(text: &str) -> String {
    let mut url = String::new();
    encode(text, &mut url);
    url
}

/// Percent-encodes all characters that are special in a path or a query, except commas and brackets.
fn encode(text: &str, to: &mut String) {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or_default();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~,[]".contains(&byte) {
            to.push(char::from(byte));
        } else {
            to.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
}

/// Decodes a percent-encoded text. Forms write a space as `+`. An invalid code stays unchanged.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
        let code = match rest {
            [b'%', high, low, ..] => digit(*high).zip(digit(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        bytes.push(code.unwrap_or(if *first == b'+' { b' ' } else { *first }));
        rest = if code.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAT: &str = "01936f7e-8a51-7cc0-8f3a-0d0f7a3b1c2d";
    const USER: &str = "01936f7e-8a51-7cc0-8f3a-0d0f7a3b1c2e";

    fn chat_id() -> ChatId {
        CHAT.parse().unwrap()
    }

    /// One address of every kind, and its text. A leading `+` stands for `/chats/{id}`.
    fn addresses() -> Vec<(Address, &'static str)> {
        let chat = |at: At| Address::Chat(chat_id(), at);
        let text = str::to_owned;
        vec![
            (Address::Home, "/"),
            (Address::LOGIN, "/login"),
            (Address::Register(None), "/register"),
            (
                Address::Login(Address::message(chat_id(), 7).into_next()),
                "/login?next=%2Fchats%2F01936f7e-8a51-7cc0-8f3a-0d0f7a3b1c2d%3Fat%3D7%23m7",
            ),
            (Address::Register(Address::Person(text("ann_1")).into_next()), "/register?next=%2Fusers%2F%40ann_1"),
            (Address::CHATS, "/chats"),
            (Address::Chats(Filter::Unread), "/chats?filter=unread"),
            (Address::Chats(Filter::Groups), "/chats?filter=groups"),
            (Address::Chats(Filter::Archived), "/chats?filter=archived"),
            (chat(At::Newest), "+"),
            (chat(At::Before(7)), "+?before=7"),
            (chat(At::After(7)), "+?after=7"),
            (chat(At::Day(Timestamp::parse("2026-02-28T00:00:00Z").unwrap())), "+?date=2026-02-28"),
            (chat(At::Message(7)), "+?at=7#m7"),
            (chat(At::Menu(7)), "+?menu=7#m7"),
            (chat(At::Reply(7)), "+?reply=7#m7"),
            (chat(At::Edit(7)), "+?edit=7#m7"),
            (chat(At::Report(7)), "+?report=7#m7"),
            (chat(At::Reacted(7)), "+?reacted=7#m7"),
            (chat(At::Seen(7)), "+?seen=7#m7"),
            (chat(At::Forward(vec![2, 3, 5])), "+?forward=2,3,5#m2"),
            (Address::info(chat_id()), "+/info"),
            (Address::Info { chat_id: chat_id(), query: text("Anna K") }, "+/info?q=Anna%20K"),
            (Address::NEW_CHAT, "/new"),
            (Address::NewChat { query: text("Саша & co") }, "/new?q=%D0%A1%D0%B0%D1%88%D0%B0%20%26%20co"),
            (Address::NEW_GROUP, "/new?kind=group"),
            (
                Address::NewGroup {
                    query: text("b"),
                    title: text("100% = all"),
                    member_ids: vec![USER.parse().unwrap()],
                },
                "/new?kind=group&q=b&title=100%25%20%3D%20all&member_ids[]=01936f7e-8a51-7cc0-8f3a-0d0f7a3b1c2e",
            ),
            (Address::Person(text("ann_1")), "/users/@ann_1"),
            (Address::Settings(Section::Index), "/settings"),
            (Address::Settings(Section::Profile), "/settings/profile"),
            (Address::Settings(Section::Security), "/settings/security"),
            (Address::Settings(Section::PasswordChanged), "/settings/security?saved"),
            (Address::Settings(Section::Sessions), "/settings/sessions"),
            (Address::Settings(Section::Notifications), "/settings/notifications"),
            (Address::Settings(Section::Privacy), "/settings/privacy"),
            (Address::Settings(Section::Appearance), "/settings/appearance"),
            (Address::Settings(Section::Language), "/settings/language"),
        ]
    }

    #[test]
    fn every_address_is_written_and_parsed_back() {
        for (address, written) in addresses() {
            let written = match written.strip_prefix('+') {
                Some(rest) => format!("/chats/{CHAT}{rest}"),
                None => written.to_owned(),
            };
            assert_eq!(address.to_string(), written);
            assert_eq!(Address::parse(&written), Some(address), "{written}");
        }
    }

    #[test]
    fn a_path_without_a_page_is_no_address() {
        for path in [
            "/no/such/page",
            "/chats/not-an-id",
            "/chats/not-an-id/info",
            "/chats/01936f7e-8a51-7cc0-8f3a-0d0f7a3b1c2d/nothing",
            "/users/ann",
            "/users",
            "/settings/nothing",
            "/settings/profile/more",
            "/login/more",
            "/api/v1/me",
        ] {
            assert_eq!(Address::parse(path), None, "{path}");
        }
    }

    #[test]
    fn a_sign_in_leads_only_to_a_page_of_this_server() {
        for (asked, next) in [
            ("/settings/sessions", Some("/settings/sessions")),
            ("/chats?filter=unread", Some("/chats?filter=unread")),
            (
                "/chats/01936f7e-8a51-7cc0-8f3a-0d0f7a3b1c2d?at=7",
                Some("/chats/01936f7e-8a51-7cc0-8f3a-0d0f7a3b1c2d?at=7#m7"),
            ),
            ("/new?q=//evil.example", Some("/new?q=%2F%2Fevil.example")),
            ("/users/@ann%0d%0aLocation:x", Some("/users/@ann%0D%0ALocation%3Ax")),
            // The written address has one slash, whatever was asked.
            ("//settings/sessions", Some("/settings/sessions")),
            ("settings/sessions", Some("/settings/sessions")),
            ("//evil.example", None),
            ("///evil.example/", None),
            ("//evil.example/chats", None),
            ("/\\evil.example", None),
            ("\\\\evil.example\\settings\\sessions", None),
            ("/\t/evil.example", None),
            ("/\n/evil.example", None),
            ("\0//evil.example", None),
            ("/%2Fevil.example", None),
            ("/%5Cevil.example", None),
            ("https://evil.example/settings/sessions", None),
            ("https:evil.example", None),
            ("javascript:alert(1)", None),
            ("data:text/html,x", None),
            ("/.evil.example", None),
            ("@evil.example", None),
            ("/api/v1/me", None),
            ("/fn/sign_out", None),
            ("/login", None),
            ("/login?next=/settings/sessions", None),
            ("//register", None),
            ("/chats", None),
            ("/", None),
            ("", None),
        ] {
            let found = Address::next(asked);
            assert_eq!(found.as_ref().map(|next| next.href()).as_deref(), next, "{asked:?}");
            let mut login = Url::default();
            login.path("/login");
            login.pair("next", asked);
            assert_eq!(Address::parse(&login.0), Some(Address::Login(found)), "{asked:?}");
        }
    }

    #[test]
    fn a_nested_sign_in_does_not_recurse() {
        let nested = "/login?next=".repeat(5_000);
        assert_eq!(Address::parse(&nested), Some(Address::LOGIN));
    }

    #[test]
    fn a_query_without_a_meaning_is_ignored() {
        let end = Address::chat(chat_id());
        for query in ["?at=x", "?at=-1", "?date=2026-13-01", "?date=2026-1-1", "?forward=2,,3", "?other=1", "?", "?=&&"]
        {
            assert_eq!(Address::parse(&format!("/chats/{CHAT}{query}")), Some(end.clone()), "{query}");
        }
        assert_eq!(Address::parse("/chats?filter=none"), Some(Address::CHATS));
        assert_eq!(Address::parse("/chats/?filter=unread&x=1"), Some(Address::Chats(Filter::Unread)));
        assert_eq!(Address::parse(&format!("/chats/{CHAT}?utm=1&at=7")), Some(Address::message(chat_id(), 7)),);
    }

    #[test]
    fn forms_and_browsers_encode_in_their_own_ways() {
        let query = |query: &str| Address::NewChat { query: query.to_owned() };
        assert_eq!(Address::parse("/new?q=Anna+K"), Some(query("Anna K")));
        assert_eq!(Address::parse("/new?q=50%"), Some(query("50%")));
        assert_eq!(Address::parse("/new?q=%zz%4"), Some(query("%zz%4")));
        assert_eq!(Address::parse("/new?q=%FF"), Some(query("\u{fffd}")));
        assert_eq!(Address::parse("/users/%40ann"), Some(Address::Person("ann".to_owned())));
        assert_eq!(Address::parse("/new?kind=group&member_ids%5B%5D=x"), Some(Address::NEW_GROUP));
    }

    #[test]
    fn a_section_of_the_settings_has_one_address() {
        assert_eq!(Address::parse("/settings/"), Some(Address::Settings(Section::Index)));
    }
}
