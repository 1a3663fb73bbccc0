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
            Address::NewGroup { query: text("b"), title: text("100% = all"), member_ids: vec![USER.parse().unwrap()] },
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
    for query in ["?at=x", "?at=-1", "?date=2026-13-01", "?date=2026-1-1", "?forward=2,,3", "?other=1", "?", "?=&&"] {
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
