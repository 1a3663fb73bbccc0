//! Start and stop. A server that cannot start prints one clear line.

use crate::{
    database,
    support::{Home, Server, soon},
};
use std::{fs, net::TcpListener, path::Path, process::Stdio, sync::Arc};
use tokio::io::{AsyncBufReadExt as _, BufReader};

/// The line that a failed command prints, with exit code 1.
async fn complaint(home: &Home, words: &[&str]) -> String {
    let output = soon(home.messenger(words).output()).await.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "one line: {said}");
    said
}

#[tokio::test]
async fn a_port_in_use_is_one_clear_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let home = Home::make(None, &[]);
    let said = complaint(&home, &["serve", "--listen", &address]).await;
    assert!(said.contains(&address) && said.contains("--listen"), "{said}");
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_used_is_one_clear_line() {
    let home = Home::make(None, &[]);
    fs::write(home.folder.join("file"), "").unwrap();
    for dir in ["file", "file/inside", "/proc/messenger"] {
        let said = complaint(&home, &["serve", "--data-dir", dir]).await;
        assert!(said.contains(dir) && said.contains("--data-dir"), "{said}");
    }
}

#[tokio::test]
async fn a_data_directory_in_use_is_one_clear_line() {
    let home = Home::make(None, &[]);
    let lock = fs::File::create(home.folder.join("data/lock")).unwrap();
    lock.lock().unwrap();
    let said = complaint(&home, &["serve"]).await;
    assert!(said.contains("another server"), "{said}");
}

#[tokio::test]
async fn a_wrong_database_is_one_clear_line_without_its_password() {
    for url in [
        "postgres://someone:pa55word@127.0.0.1:1/nowhere",
        "postgres://someone:pa55word@localhost/nowhere?host=/nonexistent",
        "mysql://someone:pa55word@localhost/nowhere",
        "pa55word",
    ] {
        let home = Home::make(Some(url.into()), &[]);
        let said = complaint(&home, &["serve"]).await;
        assert!(said.contains("DATABASE_URL") && !said.contains("pa55word"), "{said}");
    }
}

#[tokio::test]
async fn a_missing_front_end_is_one_clear_line() {
    let home = Home::make(None, &[]);
    let said = complaint(&home, &["serve", "--site-dir", "nowhere"]).await;
    assert!(said.contains("nowhere") && said.contains("make build"), "{said}");
}

#[tokio::test]
async fn migrate_without_a_database_names_the_missing_setting() {
    let said = complaint(&Home::make(None, &[]), &["migrate"]).await;
    assert!(said.contains("DATABASE_URL"), "{said}");
}

#[tokio::test]
async fn a_server_waits_for_the_migration_and_then_serves() {
    let home = Home::make(Some(database::empty().await), &[]);
    let mut server = home.messenger(&["serve"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(server.stdout.take().unwrap()).lines();
    let line = soon(said.next_line()).await.unwrap().unwrap();
    assert!(line.contains("messenger migrate"), "{line}");
    for _ in 0..2 {
        assert!(soon(home.messenger(&["migrate"]).status()).await.unwrap().success());
    }
    let line = soon(said.next_line()).await.unwrap().unwrap();
    assert!(line.starts_with("Messenger is at http://"), "{line}");
}

#[tokio::test]
async fn a_running_server_reports_its_health() {
    let server = Server::start().await;
    for path in ["/healthz", "/readyz"] {
        let well = server.get(path).send().await.expect_status(200).json();
        assert_eq!(well["status"], "ok", "{path}");
    }
    assert_eq!(server.get("/readyz").send().await.json()["database"], "ok");
}

#[tokio::test]
async fn sigterm_closes_sockets_with_1012_and_ends_with_0() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let mut sockets = vec![server.upgrade(&[]).await.unwrap()];
    for _ in 0..20 {
        sockets.push(server.socket(&alice).await);
    }
    let closing = sockets.into_iter().map(|socket| tokio::spawn(socket.closed()));
    let closing: Vec<_> = closing.collect();
    assert_eq!(server.stop().await.code(), Some(0));
    for code in closing {
        assert_eq!(code.await.unwrap(), 1012);
    }
}

#[tokio::test]
async fn stored_data_survives_a_restart() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let group = server.group(&alice, &[]).await;
    let message = server.say(&alice, &group, "kept").await;
    let home: Arc<Home> = server.home.clone();
    server.stop().await;
    let server = Server::at(home).await;
    assert_eq!(server.history(&alice, &group).await[1], message);
}

#[tokio::test]
async fn a_database_that_cannot_fold_cyrillic_is_refused_in_one_line() {
    for ctype in ["encoding 'UTF8' lc_collate 'C' lc_ctype 'C'", "encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'"] {
        let home = Home::make(Some(database::of_template("template0", ctype).await), &[]);
        let said = complaint(&home, &["migrate"]).await;
        assert!(said.contains("Cyrillic") && said.contains("lc_ctype 'C.UTF-8'"), "{said}");
    }
}

#[tokio::test]
async fn rotated_keys_are_public_on_every_node() {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let output = soon(server.home.messenger(&["admin", "rotate-keys"]).output()).await.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.contains("in 60 seconds"), "{said}");
    let later = Server::at(server.home.clone()).await;
    let keys = later.get("/.well-known/jwks.json").send().await.expect_status(200).json();
    let keys: Vec<&str> = keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert!(keys.len() == 2 && said.contains(keys[1]), "{said}: {keys:?}");
    later.get("/api/v1/me").by(&alice).send().await.expect_status(200);
}

#[tokio::test]
async fn the_documented_settings_match_the_code() {
    let output = soon(Home::make(None, &[]).messenger(&["docs", "configuration"]).output()).await.unwrap();
    let generated = String::from_utf8(output.stdout).unwrap();
    let written = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let written = fs::read_to_string(written).unwrap();
    assert!(
        written == generated,
        "docs/configuration.md is stale: type \"cargo run -- docs configuration >docs/configuration.md\""
    );
    for setting in ["`--listen <LISTEN>`", "`MESSENGER_PUBLIC_URL`", "`DATABASE_URL`", "`messenger admin rotate-keys`"]
    {
        assert!(generated.contains(setting), "{setting}");
    }
}
