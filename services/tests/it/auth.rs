//! Registration, sign-in and sessions.

use crate::support::{PASSWORD, World, device, home, refused, refused_fields, register, registration};
use futures::future::join_all;
use protocol::{
    auth::{ChangePassword, Register, SignIn},
    chat::ChatKind,
    error::ErrorCode::{self, Conflict, InvalidInput, NotFound, RateLimited, Unauthenticated},
};
use services::{Actor, Node, Result, auth, chat, infra::tokens::TokenType, profiles};

pub async fn sign_in(node: &Node, login: &str, password: &str) -> Result<Actor> {
    let data = SignIn { login: login.into(), password: password.into() };
    auth::sign_in(node, &home(), data).await.map(|(actor, _)| actor)
}

/// Whether a request of the session would succeed.
pub async fn lives(node: &Node, actor: Actor) -> bool {
    let token = node.tokens.sign(TokenType::Access, actor).unwrap();
    auth::authenticate(node, TokenType::Access, &token).await.is_ok()
}

#[tokio::test]
async fn registration_signs_in_and_creates_the_saved_messages() {
    let world = World::new().await;
    let data =
        Register {
            display_name: Some(" Алиса ".into()), email: Some("a@b.example".into()), ..registration("Alice")
        };
    let (alice, me) = auth::register(&world, &home(), data).await.unwrap();
    assert_eq!((me.user.id, me.user.username.as_str()), (alice.user_id, "alice"));
    assert_eq!((me.user.display_name.as_str(), me.email.as_deref()), ("Алиса", Some("a@b.example")));
    assert!(lives(&world, alice).await);
    let chats = chat::list(&world, alice, None, None, None).await.unwrap().items;
    assert_eq!(chats.iter().map(|chat| chat.chat.kind).collect::<Vec<_>>(), [ChatKind::Saved]);
}

#[tokio::test]
async fn a_taken_name_is_a_conflict_in_any_spelling() {
    let world = World::new().await;
    register(&world, "alice").await;
    for spelling in ["alice", "ALICE", " alice ", "ＡＬＩＣＥ"] {
        let result = auth::register(&world, &home(), registration(spelling)).await;
        assert_eq!(refused(result), Some(Conflict), "{spelling}");
    }
}

#[tokio::test]
async fn ten_registrations_of_one_name_at_once_make_one_account() {
    let world = World::new().await;
    let device = home();
    let tries = join_all((0..10).map(|_| auth::register(&world, &device, registration("alice")))).await;
    assert_eq!(tries.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(tries.into_iter().filter_map(refused).all(|code| code == Conflict));
}

#[tokio::test]
async fn all_wrong_fields_of_a_registration_are_named_and_nothing_is_stored() {
    let world = World::new().await;
    let [reader] = world.people(["reader"]).await;
    let data = Register {
        username: "a b".into(),
        password: "short".into(),
        display_name: Some("evil\u{202e}name".into()),
        email: Some("nobody".into()),
    };
    let result = auth::register(&world, &home(), data).await;
    assert_eq!(refused_fields(result), ["display_name", "email", "password", "username"]);
    for (username, password) in [("alice", "password123"), ("alice_smith", "alice_smith")] {
        let data = Register { password: password.into(), ..registration(username) };
        assert_eq!(refused_fields(auth::register(&world, &home(), data).await), ["password"]);
        assert_eq!(refused(profiles::by_username(&world, reader, username).await), Some(NotFound));
    }
}

#[tokio::test]
async fn every_character_of_a_password_counts_in_any_script() {
    let world = World::new().await;
    let long = format!("{}é", "пароль слон ".repeat(22).chars().take(255).collect::<String>());
    assert_eq!(long.chars().count(), 256);
    auth::register(&world, &home(), Register { password: long.clone(), ..registration("alice") }).await.unwrap();
    assert!(sign_in(&world, "alice", &long).await.is_ok());
    assert!(sign_in(&world, "alice", &long.replace('é', "e\u{301}")).await.is_ok());
    for wrong in [long.replace('é', ""), long.replace('é', "e"), format!("{long}x"), format!(" {long}")] {
        assert_eq!(refused(sign_in(&world, "alice", &wrong).await), Some(Unauthenticated));
    }
}

#[tokio::test]
async fn a_wrong_name_and_a_wrong_password_are_refused_alike() {
    let world = World::new().await;
    register(&world, "alice").await;
    let wrong_password = sign_in(&world, "alice", "correct horse").await.unwrap_err();
    for name in ["nobody", "not a name", "\0"] {
        assert_eq!(sign_in(&world, name, PASSWORD).await.unwrap_err(), wrong_password, "{name:?}");
    }
    for spelling in [" ＡLICE ", "@alice", " @Alice "] {
        assert!(sign_in(&world, spelling, PASSWORD).await.is_ok(), "{spelling}");
    }
    for nobody in ["@@alice", "@", "alice@"] {
        assert_eq!(sign_in(&world, nobody, PASSWORD).await.unwrap_err(), wrong_password, "{nobody}");
    }
}

#[tokio::test]
async fn a_name_with_an_at_sign_counts_as_the_same_account() {
    let world = World::with_rates().await;
    register(&world, "alice").await;
    for name in ["alice", "@alice", "@ALICE", "alice", "@alice"] {
        assert_eq!(refused(sign_in(&world, name, "a wrong password").await), Some(Unauthenticated), "{name}");
    }
    for name in ["alice", "@alice"] {
        assert_eq!(refused(sign_in(&world, name, PASSWORD).await), Some(RateLimited), "{name}");
    }
}

#[tokio::test]
async fn sign_in_is_limited_for_known_and_for_unknown_names() {
    let world = World::with_rates().await;
    register(&world, "alice").await;
    for name in ["alice", "nobody"] {
        for _ in 0..5 {
            assert_eq!(refused(sign_in(&world, name, "a wrong password").await), Some(Unauthenticated), "{name}");
        }
        for password in ["a wrong password", PASSWORD] {
            assert_eq!(refused(sign_in(&world, name, password).await), Some(RateLimited), "{name}");
        }
    }
    // The owner can still sign in from another network.
    let data = SignIn { login: "alice".into(), password: PASSWORD.into() };
    assert!(auth::sign_in(&world, &device([198, 51, 100, 7]), data).await.is_ok());
}

#[tokio::test]
async fn all_spellings_of_a_name_share_one_count_of_failures() {
    let world = World::with_rates().await;
    register(&world, "alice").await;
    let spellings = ["alice", "ALICE", " alice", "ａlice", "aｌice", "alｉce", "aliｃe", "alicｅ"];
    let mut codes = Vec::new();
    for spelling in spellings {
        codes.push(refused(sign_in(&world, spelling, "a wrong password").await).unwrap());
    }
    assert_eq!(codes, [vec![Unauthenticated; 5], vec![RateLimited; 3]].concat());
}

#[tokio::test]
async fn concurrent_guesses_do_not_exceed_the_limit() {
    let world = World::with_rates().await;
    register(&world, "alice").await;
    let tries = join_all((0..50).map(|_| sign_in(&world, "alice", "a wrong password"))).await;
    let codes: Vec<ErrorCode> = tries.into_iter().filter_map(refused).collect();
    assert_eq!(codes.iter().filter(|code| **code == Unauthenticated).count(), 5);
    assert_eq!(codes.iter().filter(|code| **code == RateLimited).count(), 45);
}

#[tokio::test]
async fn failures_from_one_address_are_limited_across_names() {
    let world = World::with_rates().await;
    register(&world, "alice").await;
    let names: Vec<String> = (0..100).map(|n| format!("nobody{n}")).collect();
    let tries = join_all(names.iter().map(|name| sign_in(&world, name, PASSWORD))).await;
    assert!(tries.into_iter().all(|result| refused(result) == Some(Unauthenticated)));
    assert_eq!(refused(sign_in(&world, "alice", PASSWORD).await), Some(RateLimited));
}

#[tokio::test]
async fn concurrent_successes_do_not_count_as_failures() {
    let world = World::with_rates().await;
    register(&world, "alice").await;
    let tries = join_all((0..12).map(|_| sign_in(&world, "alice", PASSWORD))).await;
    assert!(tries.iter().all(Result::is_ok));
    assert!(sign_in(&world, "alice", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn missing_fields_are_named_and_do_not_count_as_a_failure() {
    let world = World::with_rates().await;
    register(&world, "alice").await;
    for _ in 0..6 {
        assert_eq!(refused_fields(sign_in(&world, " ", "").await), ["login", "password"]);
        assert_eq!(refused_fields(sign_in(&world, "alice", "").await), ["password"]);
    }
    assert!(sign_in(&world, "alice", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn a_common_password_is_reported_together_with_a_wrong_name() {
    let world = World::new().await;
    let data = Register { password: "1234567890".into(), ..registration("x") };
    assert_eq!(refused_fields(auth::register(&world, &home(), data).await), ["password", "username"]);
}

#[tokio::test]
async fn registrations_from_one_address_are_limited() {
    let world = World::with_rates().await;
    let mut tried = 0;
    while refused(auth::register(&world, &home(), registration("")).await) == Some(InvalidInput) {
        tried += 1;
        assert!(tried < 220, "200 at once, and one a second");
    }
    assert!(tried >= 200);
    let elsewhere = auth::register(&world, &device([198, 51, 100, 7]), registration("alice")).await;
    assert!(elsewhere.is_ok());
}

#[tokio::test]
async fn signing_out_ends_the_session_and_its_refresh_token() {
    let world = World::new().await;
    let alice = register(&world, "alice").await;
    let tokens = auth::issue_tokens(&world, alice).await.unwrap();
    assert!(lives(&world, alice).await);
    auth::sign_out(&world, alice).await.unwrap();
    assert!(!lives(&world, alice).await);
    assert_eq!(refused(auth::refresh(&world, &tokens.refresh_token).await), Some(Unauthenticated));
    assert!(sign_in(&world, "alice", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let world = World::new().await;
    let alice = register(&world, "alice").await;
    let other = sign_in(&world, "alice", PASSWORD).await.unwrap();
    let change = |current: &str, new: &str| {
        let data = ChangePassword { current: current.into(), new: new.into() };
        auth::change_password(&world, alice, data)
    };
    let new = "another horse battery";
    assert_eq!(refused_fields(change("a wrong password", "short").await), ["current", "new"]);
    assert_eq!(refused_fields(change(PASSWORD, "password123").await), ["new"]);
    assert!(lives(&world, other).await);
    change(PASSWORD, new).await.unwrap();
    assert!(lives(&world, alice).await && !lives(&world, other).await);
    assert_eq!(refused(sign_in(&world, "alice", PASSWORD).await), Some(Unauthenticated));
    assert!(sign_in(&world, "alice", new).await.is_ok());
}

#[tokio::test]
async fn guesses_at_the_password_within_a_session_are_limited() {
    let world = World::with_rates().await;
    let alice = register(&world, "alice").await;
    let guess = || ChangePassword { current: "a wrong password".into(), new: "another horse battery".into() };
    for _ in 0..5 {
        assert_eq!(refused(auth::change_password(&world, alice, guess()).await), Some(InvalidInput));
    }
    assert_eq!(refused(auth::change_password(&world, alice, guess()).await), Some(RateLimited));
}

#[tokio::test]
async fn sessions_are_listed_and_ended_by_their_owner_alone() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let phone = auth::open_session(&world, alice.user_id, &device([198, 51, 100, 7])).await.unwrap();
    let listed = auth::sessions(&world, alice).await.unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed.iter().find(|session| session.current).unwrap().id, alice.session_id);
    assert!(listed.iter().any(|session| session.id == phone.session_id && session.ip == "198.51.100.7"));
    assert_eq!(refused(auth::revoke_session(&world, bob, phone.session_id).await), Some(NotFound));
    assert!(lives(&world, phone).await);
    auth::revoke_session(&world, alice, phone.session_id).await.unwrap();
    assert!(!lives(&world, phone).await && lives(&world, alice).await);
    assert_eq!(auth::sessions(&world, alice).await.unwrap().len(), 1);
    assert_eq!(refused(auth::revoke_session(&world, alice, phone.session_id).await), Some(NotFound));
}

#[tokio::test]
async fn all_other_sessions_are_ended_at_once() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let phone = auth::open_session(&world, alice.user_id, &home()).await.unwrap();
    let tablet = auth::open_session(&world, alice.user_id, &home()).await.unwrap();
    auth::revoke_other_sessions(&world, phone).await.unwrap();
    assert!(lives(&world, phone).await && lives(&world, bob).await);
    assert!(!lives(&world, alice).await && !lives(&world, tablet).await);
    assert_eq!(auth::sessions(&world, phone).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_new_password_is_another_one() {
    let world = World::new().await;
    let alice = register(&world, "alice").await;
    let other = auth::open_session(&world, alice.user_id, &home()).await.unwrap();
    let same = ChangePassword { current: PASSWORD.into(), new: PASSWORD.into() };
    assert_eq!(refused_fields(auth::change_password(&world, alice, same).await), ["new"]);
    assert!(lives(&world, other).await);
    // A wrong current password gets no such hint.
    let wrong = ChangePassword { current: "another horse battery".into(), new: "another horse battery".into() };
    assert_eq!(refused_fields(auth::change_password(&world, alice, wrong).await), ["current"]);
}

#[tokio::test]
async fn one_more_than_a_hundred_sessions_ends_the_oldest() {
    let world = World::new().await;
    let first = register(&world, "alice").await;
    let mut newest = first;
    for _ in 0..100 {
        newest = auth::open_session(&world, first.user_id, &home()).await.unwrap();
    }
    assert_eq!(auth::sessions(&world, newest).await.unwrap().len(), 100);
    assert!(!lives(&world, first).await && lives(&world, newest).await);
}

#[tokio::test]
async fn the_operator_resets_passwords_and_ends_sessions() {
    let world = World::new().await;
    let alice = register(&world, "alice").await;
    auth::reset_password(&world, "alice", "another horse battery").await.unwrap();
    assert!(!lives(&world, alice).await);
    let again = sign_in(&world, "Alice", "another horse battery").await.unwrap();
    auth::revoke_sessions(&world, "alice").await.unwrap();
    assert!(!lives(&world, again).await);
    assert_eq!(refused(auth::reset_password(&world, "nobody", PASSWORD).await), Some(NotFound));
}

#[tokio::test]
async fn a_revocation_is_known_to_another_node_within_a_second() {
    let world = World::new().await;
    let other_node = world.another_node().await;
    let alice = register(&world, "alice").await;
    assert!(lives(&other_node, alice).await);
    auth::sign_out(&world, alice).await.unwrap();
    let since = std::time::Instant::now();
    while lives(&other_node, alice).await {
        assert!(since.elapsed().as_secs_f64() < 1.0);
        tokio::task::yield_now().await;
    }
}
