//! The documents and files that a browser loads first.

use crate::support::Server;
use serde_json::Value;

#[tokio::test]
async fn a_page_loads_only_the_texts_of_its_language() {
    let server = Server::start().await;
    for (language, other, text) in [("en", "ru", "Language"), ("ru", "en", "Язык")] {
        let page = server.get("/settings/language").header("accept", "text/html").header("accept-language", language);
        let page = page.send().await;
        assert!(page.body.contains(text) && page.body.contains(&format!("/pkg/texts/{language}.json")), "{language}");
        assert!(!page.body.contains(&format!("/pkg/texts/{other}.json")), "{language}");
        let texts = server.get(&format!("/pkg/texts/{language}.json")).send().await.expect_status(200).json();
        assert!(texts.as_array().is_some_and(|texts| texts.contains(&Value::from(text))), "{language}");
    }
    server.get("/pkg/texts/xx.json").send().await.expect_status(404);
    server.get("/pkg/texts/en").send().await.expect_status(404);
}

#[tokio::test]
async fn a_document_that_begins_with_the_part_says_so() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let (cookie, chat) = (server.cookie(&alice).await, server.group(&alice, &[]).await);
    for (path, begins) in [
        ("/chats".to_owned(), false),
        (format!("/chats/{chat}"), false),
        (format!("/chats/{chat}?forward=1"), true),
        (format!("/chats/{chat}/info"), true),
        ("/new".to_owned(), true),
        ("/settings/appearance".to_owned(), true),
    ] {
        let page = server.get(&path).header("accept", "text/html").header("cookie", &cookie).send().await;
        assert_eq!(page.expect_status(200).body.contains("data-part"), begins, "{path}");
    }
}

#[tokio::test]
async fn the_front_end_waits_on_pages_whose_form_works_without_it() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let cookie = server.cookie(&alice).await;
    for (path, cookie, waits) in [("/login", "", true), ("/register?x", "", true), ("/chats", cookie.as_str(), false)] {
        let page = server.get(path).header("accept", "text/html").header("cookie", cookie).send().await;
        assert_eq!(page.body.contains("data-deferred"), waits, "{path}");
        assert_eq!(page.body.contains(r#"rel="preload" href="/pkg/messenger.wasm""#), !waits, "{path}");
    }
}
