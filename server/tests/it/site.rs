//! The documents and files that a browser loads first.

use crate::support::Server;
use serde_json::Value;

#[tokio::test]
async fn a_page_loads_the_texts_of_its_language_alone() {
    let server = Server::start().await;
    for (language, other, text) in [("en", "ru", "Sign in"), ("ru", "en", "Войти")] {
        let page = server.get("/login").header("accept", "text/html").header("accept-language", language).send().await;
        assert!(page.body.contains(text) && page.body.contains(&format!("/pkg/texts/{language}.json")), "{language}");
        assert!(!page.body.contains(&format!("/pkg/texts/{other}.json")), "{language}");
        let texts = server.get(&format!("/pkg/texts/{language}.json")).send().await.expect_status(200).json();
        assert!(texts.as_array().is_some_and(|texts| texts.contains(&Value::from(text))), "{language}");
    }
    server.get("/pkg/texts/xx.json").send().await.expect_status(404);
    server.get("/pkg/texts/en").send().await.expect_status(404);
}
