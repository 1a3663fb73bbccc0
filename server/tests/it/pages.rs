//! Pages and forms, as a browser requests them.

use crate::support::{PASSWORD, Server, fresh_id};
use serde_json::{Value, json};

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn a_refused_form_returns_a_page() {
    let server = Server::start().await;
    let own = format!("http://{}", server.address);
    let words: Value = serde_json::from_str(include_str!("../../../app/locales/en.json")).unwrap();
    let large = vec![b'x'; 200 * 1024];
    let wrong = b"login=alice&password=wrong".to_vec();
    for (form, origin, content_type, body, status, said) in [
        ("sign_in", "https://evil.example", FORM, wrong.clone(), 403, &words["failed"]["foreign"]),
        ("sign_in", &own, FORM, large, 413, &words["failed"]["too_large"]),
        ("nothing", &own, FORM, wrong.clone(), 404, &words["errors"]["not_found"]),
        ("sign_in", &own, "text/plain", b"nothing".to_vec(), 422, &words["errors"]["other"]),
        ("sign_in", &own, FORM, wrong, 401, &words["errors"]["unauthenticated"]),
    ] {
        let ask = || {
            let ask = server.ask("POST", &format!("/fn/{form}")).body(content_type, body.clone());
            ask.header("origin", origin).header("referer", &format!("{own}/login"))
        };
        let page = ask().header("accept", "text/html,*/*;q=0.8").send().await;
        assert_eq!(page.status, status, "{}", page.body);
        assert!(page.headers["content-type"].starts_with("text/html"), "{}", page.body);
        assert!(page.body.contains(said.as_str().unwrap()), "{said}: {}", page.body);
        assert!(page.headers["content-security-policy"].contains("nonce-"), "{said}");
        let script = ask().send().await;
        assert_eq!((script.status, script.error_code().is_empty()), (status, false), "{said}");
    }
}

#[tokio::test]
async fn the_page_of_a_failed_form_leads_back_and_runs_no_scripts() {
    let server = Server::start().await;
    let own = format!("http://{}", server.address);
    let ask = server.ask("POST", "/fn/sign_in").body(FORM, vec![b'x'; 200 * 1024]);
    let ask = ask.header("accept", "text/html").header("origin", &own);
    let page = ask.header("referer", &format!("{own}/register?x=%22")).send().await;
    assert!(page.body.contains("href=\"/register?x=%22\""), "{}", page.body);
    let ask = server.ask("POST", "/fn/sign_in").body(FORM, vec![b'x'; 200 * 1024]);
    let ask = ask.header("accept", "text/html").header("origin", &own);
    let elsewhere = ask.header("referer", &format!("{own}//evil.example/x")).send().await;
    assert!(elsewhere.body.contains("href=\"/chats\"") && !elsewhere.body.contains("evil"), "{}", elsewhere.body);
    // On this page the front end would find no user, and would delete the data that the device stores.
    assert!(!page.body.contains("boot.js"), "{}", page.body);
    assert!(server.get("/login").send().await.body.contains("boot.js"));
}

/// A hostile name must neither end the title nor add a tag, which could send the reader to another site.
#[tokio::test]
async fn names_are_escaped_in_every_part_of_a_page() {
    let server = Server::start().await;
    let [ann, bob] = server.people(["ann", "bob"]).await;
    let hostile = "</title><meta http-equiv=refresh content=0;//evil.example>";
    server
        .patch("/api/v1/me", json!({ "display_name": hostile, "bio": hostile }))
        .by(&ann)
        .send()
        .await
        .expect_status(200);
    let direct =
        server.post("/api/v1/chats", json!({ "kind": "direct", "user_id": bob.id })).by(&ann).send().await.json();
    let direct = direct["id"].as_str().unwrap().to_owned();
    server.say(&ann, &direct, hostile).await;
    let group = server.group(&ann, &[&bob]).await;
    server
        .patch(&format!("/api/v1/chats/{group}"), json!({ "title": hostile, "description": hostile }))
        .by(&ann)
        .send()
        .await
        .expect_status(200);
    let cookie = server.cookie(&bob).await;
    let chats = [direct, group].into_iter().flat_map(|chat| [format!("/chats/{chat}"), format!("/chats/{chat}/info")]);
    for path in chats.chain(["/users/@ann".to_owned(), "/chats".to_owned()]) {
        let page =
            server.get(&path).header("cookie", &cookie).header("accept", "text/html").send().await.expect_status(200);
        assert!(page.body.contains("&lt;/title"), "{path} shows the name: {}", page.body);
        // The data of the page is a script, in which `<` is escaped.
        assert!(!page.body.contains("<meta http-equiv=refresh"), "{path}: {}", page.body);
    }
}

#[tokio::test]
async fn a_path_longer_than_any_file_is_not_found() {
    let server = Server::start().await;
    for length in [255, 256, 5_000] {
        let answer = server.get(&format!("/{}", "a".repeat(length))).send().await;
        assert_eq!((answer.status, answer.error_code().as_str()), (404, "not_found"), "{length}");
    }
}

#[tokio::test]
async fn a_sign_in_leads_only_to_pages_of_this_server() {
    let server = Server::start().await;
    server.person("alice").await;
    let asked = server.get("/chats?filter=unread").header("accept", "text/html").send().await;
    assert_eq!((asked.status, asked.headers["location"].as_str()), (303, "/login?next=%2Fchats%3Ffilter%3Dunread"));
    let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let post = |form: &str, fields: String| {
        let ask = server.ask("POST", &format!("/fn/{form}")).body(FORM, fields);
        ask.header("accept", "text/html").header("origin", &format!("http://{}", server.address)).send()
    };
    for (n, (next, to)) in [
        ("/settings/sessions", "/settings/sessions"),
        ("/chats?filter=unread#x", "/chats?filter=unread"),
        ("", "/chats"),
        ("//evil.example", "/chats"),
        ("/\\evil.example", "/chats"),
        ("\\\\evil.example/settings/sessions", "/chats"),
        ("/\t/evil.example", "/chats"),
        ("/\r\nlocation: //evil.example", "/chats"),
        ("\0//evil.example", "/chats"),
        ("/%2Fevil.example", "/chats"),
        ("https://evil.example/settings/sessions", "/chats"),
        ("javascript:alert(1)", "/chats"),
        ("/fn/sign_out", "/chats"),
        ("/login?next=//evil.example", "/chats"),
    ]
    .into_iter()
    .enumerate()
    {
        let password = PASSWORD.replace(' ', "+");
        for (form, fields) in [
            ("sign_in", format!("login=alice&password={password}&next={}", encoded(next))),
            ("register", format!("username=user_{n}&display_name=&password={password}&next={}", encoded(next))),
        ] {
            let answer = post(form, fields).await;
            assert_eq!((answer.status, answer.headers["location"].as_str()), (303, to), "{form}: {next:?}");
        }
    }
}

#[tokio::test]
async fn the_sign_in_page_says_once_that_the_session_was_ended() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let cookie = server.cookie(&alice).await;
    let words: Value = serde_json::from_str(include_str!("../../../app/locales/en.json")).unwrap();
    let reason = words["auth"]["ended"].as_str().unwrap();
    let login = || server.get("/login").header("accept", "text/html");
    assert!(!login().send().await.body.contains(reason));
    server.ask("POST", "/api/v1/auth/logout").by(&alice).send().await.expect_status(204);
    let away = server.get("/settings/sessions").header("cookie", &cookie).header("accept", "text/html").send().await;
    assert_eq!(away.headers["location"], "/login?next=%2Fsettings%2Fsessions");
    let ended = login().header("cookie", &cookie).send().await;
    assert!(ended.body.contains(reason), "{}", ended.body);
    assert!(
        ended.headers["set-cookie"].contains("messenger_session=; ")
            && ended.headers["set-cookie"].contains("Max-Age=0")
    );
    let forged = login().header("cookie", "messenger_session=forged").send().await;
    assert!(!forged.body.contains(reason), "{}", forged.body);
}

#[tokio::test]
async fn a_cookie_names_the_user_of_the_session() {
    let server = Server::start().await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let session = server.cookie(&alice).await;
    let page = |cookie: String| server.get("/chats").header("accept", "text/html").header("cookie", &cookie).send();
    let named = format!("person={}; ", alice.id);
    for other in [String::new(), format!("; person={}", bob.id), "; person=nobody".to_owned()] {
        let set = page(format!("{session}{other}")).await.headers["set-cookie"].clone();
        assert!(set.contains(&named) && !set.contains("HttpOnly"), "only the name is set, readable by scripts: {set}");
    }
    let known = page(format!("{session}; person={}", alice.id)).await;
    assert!(!known.headers.contains_key("set-cookie"), "{:?}", known.headers);
    let out =
        server.ask("POST", "/fn/sign_out").body("application/x-www-form-urlencoded", "").header("cookie", &session);
    let out = out.header("origin", &format!("http://{}", server.address)).send().await;
    assert!(out.headers["set-cookie"].contains("person=; Path=/; SameSite=Lax; Max-Age=0"), "{:?}", out.headers);
}

/// Without JavaScript, the browser shows the page of a refused form under the address of the form's action.
#[tokio::test]
async fn a_form_can_be_refused_twice() {
    let server = Server::start().await;
    let [ann, bob] = server.people(["ann", "bob"]).await;
    let (chat, cookie) = (server.group(&ann, &[&bob]).await, server.cookie(&ann).await);
    let own = format!("http://{}", server.address);
    let text = format!("chat_id={chat}&client_id={}&text={}", fresh_id(), "x".repeat(8_001));
    let title = format!("chat_id={chat}&title={}", "x".repeat(129));
    for (form, fields, page, typed) in [
        (
            "register",
            "username=a&display_name=Ann+Example&password=short".to_owned(),
            "/register".to_owned(),
            "Ann Example",
        ),
        ("sign_in", "login=nobody&password=wrong password".to_owned(), "/login".to_owned(), "nobody"),
        ("send_message", text, format!("/chats/{chat}"), "xxx"),
        ("rename_group", title, format!("/chats/{chat}/info"), "xxx"),
        ("update_profile", "display_name=+&bio=Cellist".to_owned(), "/settings/profile".to_owned(), "Cellist"),
        (
            "create_group",
            format!("title=+&member_ids[]={}&client_id={}", bob.id, fresh_id()),
            format!("/new?kind=group&title=%20&member_ids[]={}", bob.id),
            "bob",
        ),
    ] {
        let ask = server.ask("POST", &format!("/fn/{form}")).body(FORM, fields.into_bytes());
        let ask = ask.header("accept", "text/html").header("origin", &own);
        // Some browsers and proxies remove the header.
        let ask = if form == "register" { ask } else { ask.header("referer", &format!("{own}/fn/{form}")) };
        let signed_out = matches!(form, "register" | "sign_in");
        let refused = if signed_out { ask } else { ask.header("cookie", &cookie) }.send().await;
        assert!(refused.status == 422 || form == "sign_in" && refused.status == 401, "{form}: {}", refused.status);
        let address = format!("data-address=\"{}\"", page.replace('&', "&amp;"));
        assert!(refused.body.contains(&address) && refused.body.contains(typed), "{form}: {}", refused.body);
    }
    for (form, page) in
        [("register", "/register"), ("sign_in", "/login"), ("send_message", "/chats"), ("nothing", "/chats")]
    {
        let answer = server.get(&format!("/fn/{form}")).send().await;
        assert_eq!((answer.status, answer.headers["location"].as_str()), (303, page), "{form}");
    }
}

#[tokio::test]
async fn a_refusal_says_why_in_the_readers_language() {
    let server = Server::start().await;
    let [ann, bob] = server.people(["ann", "bob"]).await;
    let (chat, cookie) = (server.group(&ann, &[&bob]).await, server.cookie(&ann).await);
    for language in ["en", "ru"] {
        let words: Value = match language {
            "en" => serde_json::from_str(include_str!("../../../app/locales/en.json")).unwrap(),
            _ => serde_json::from_str(include_str!("../../../app/locales/ru.json")).unwrap(),
        };
        let why = words["refusals"]["leave"].as_str().unwrap();
        let leave = |accept| {
            let ask = server.ask("POST", "/fn/leave_group").body(FORM, format!("chat_id={chat}&heir=").into_bytes());
            let ask = ask.header("origin", &format!("http://{}", server.address)).header("accept", accept);
            ask.header("cookie", &cookie).header("accept-language", language)
        };
        let page = leave("text/html").send().await.expect_status(409);
        let shown: String = page.body.split("role=\"alert\"").nth(1).unwrap().chars().take(200).collect();
        assert!(shown.contains(why), "{language}: {shown}");
        assert_eq!(leave("application/json").send().await.expect_status(409).json()["message"], why);
    }
}

/// Every sentence of a refusal that concerns no field is in the locale files, so that pages can show it.
#[test]
fn every_reason_of_a_refusal_is_in_the_locale_files() {
    let words: Value = serde_json::from_str(include_str!("../../../app/locales/en.json")).unwrap();
    let known: Vec<&str> = words["refusals"].as_object().unwrap().values().filter_map(Value::as_str).collect();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders = vec![root.join("services/src"), root.join("app/src")];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
                continue;
            }
            let code = std::fs::read_to_string(&entry).unwrap();
            for start in ["Rejection::forbidden(\"", "Rejection::conflict(\"", "at_least(actor, "] {
                for rest in code.split(start).skip(1) {
                    let rest =
                        rest.split_once('"').filter(|_| start.starts_with("at_least")).map_or(rest, |(_, rest)| rest);
                    let (sentence, _) = rest.split_once('"').unwrap();
                    // The problem of its field says this.
                    if sentence != "This user name is taken." {
                        assert!(known.contains(&sentence), "{sentence}");
                        count += 1;
                    }
                }
            }
        }
    }
    assert!(count >= known.len() && known.len() >= 15, "{count} sentences, {} in the files", known.len());
}

#[tokio::test]
async fn a_block_leads_back_to_the_page_of_its_form() {
    let server = Server::start().await;
    let [ann, bob] = server.people(["ann", "bob"]).await;
    let cookie = server.cookie(&ann).await;
    let own = format!("http://{}", server.address);
    for (back, to) in [
        ("&back=/users/@bob", "/users/@bob"),
        ("&back=//evil.example/users/@bob", "/settings/privacy"),
        ("&back=https://evil.example", "/settings/privacy"),
        ("", "/settings/privacy"),
    ] {
        let body = format!("user_id={}&blocked=true{back}", bob.id).into_bytes();
        let ask = server.ask("POST", "/fn/block").body(FORM, body).header("origin", &own);
        let answer = ask.header("accept", "text/html").header("cookie", &cookie).send().await;
        assert_eq!(answer.expect_status(303).headers["location"], to, "{back}");
    }
}

#[tokio::test]
async fn a_form_refused_for_a_while_returns_the_time_to_retry() {
    let server = Server::start().await;
    let sign_in = || {
        let ask = server.ask("POST", "/fn/sign_in").body(FORM, b"login=nobody&password=a wrong password".to_vec());
        ask.header("origin", &format!("http://{}", server.address))
            .header("referer", &format!("http://{}/login", server.address))
    };
    for _ in 0..5 {
        sign_in().send().await.expect_status(401);
    }
    for accept in ["text/html", "application/json"] {
        let refused = sign_in().header("accept", accept).send().await.expect_status(429);
        let wait: u32 = refused.headers["retry-after"].parse().unwrap();
        assert!((14 * 60..=15 * 60).contains(&wait), "{accept}: {wait}");
    }
}

#[tokio::test]
async fn only_known_addresses_have_a_page() {
    let server = Server::start().await;
    for (path, status) in
        [("/login", 200), ("/settings/language", 200), ("/chats", 303), ("/chats/not-an-id", 404), ("/nothing", 404)]
    {
        assert_eq!(server.get(path).send().await.status, status, "{path}");
    }
}

#[tokio::test]
async fn a_navigation_does_not_load_the_whole_chat_list() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let chats = [server.group(&alice, &[]).await, server.group(&alice, &[]).await];
    let cookie = server.cookie(&alice).await;
    let ask = server.ask("POST", "/fn/load").body(FORM, format!("address=/chats/{}", chats[0]));
    let ask = ask.header("origin", &format!("http://{}", server.address)).header("cookie", &cookie);
    let seed = ask.send().await.expect_status(200).json();
    assert_eq!(seed["me"]["id"], alice.id.as_str(), "{seed}");
    assert_eq!(seed["page"]["Conversation"]["chat_id"], chats[0].as_str(), "{seed}");
    let listed: Vec<&str> = seed["chats"].as_array().unwrap().iter().map(|chat| chat["id"].as_str().unwrap()).collect();
    assert_eq!(listed, [chats[0].as_str()]);
}
