//! Registration, sign-in, sessions and tokens.

use crate::support::{PASSWORD, World, device, home, refused, refused_fields, register, registration};
use aws_lc_rs::{rand::SystemRandom, signature::Ed25519KeyPair};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::future::join_all;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use protocol::{
    auth::{ChangePassword, Register, SignIn},
    chat::ChatKind,
    error::ErrorCode::{self, Conflict, InvalidInput, NotFound, RateLimited, Unauthenticated},
};
use serde_json::{Value, json};
use services::{
    Actor, Node, Result, auth, chat,
    infra::{clock, tokens::TokenType},
    profiles,
};

async fn sign_in(node: &Node, login: &str, password: &str) -> Result<Actor> {
    let data = SignIn { login: login.into(), password: password.into() };
    auth::sign_in(node, &home(), data).await.map(|(actor, _)| actor)
}

/// Whether a request of the session would succeed.
async fn lives(node: &Node, actor: Actor) -> bool {
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
async fn sessions_that_ended_long_ago_are_deleted() {
    let world = World::new().await;
    let alice = register(&world, "alice").await;
    let tokens = auth::issue_tokens(&world, alice).await.unwrap();
    sqlx::query("update sessions set revoked_at = now() - interval '31 days'").execute(&world.db).await.unwrap();
    sqlx::query("update refresh_tokens set created_at = now() - interval '31 days'").execute(&world.db).await.unwrap();
    let bob = register(&world, "bob").await;
    let kept = auth::issue_tokens(&world, bob).await.unwrap();
    let task = tokio::spawn(auth::forget_ended_sessions((*world).clone()));
    while stored(&world).await != (1, 1) {
        tokio::task::yield_now().await;
    }
    task.abort();
    assert_eq!(refused(auth::refresh(&world, &tokens.refresh_token).await), Some(Unauthenticated));
    assert!(auth::refresh(&world, &kept.refresh_token).await.is_ok());
}

/// The number of sessions and of refresh tokens in the database.
async fn stored(world: &World) -> (i64, i64) {
    let counts = "select (select count(*) from sessions), (select count(*) from refresh_tokens)";
    sqlx::query_as(counts).fetch_one(&world.db).await.unwrap()
}

#[tokio::test]
async fn the_clean_up_continues_after_a_batch_and_keeps_rows_in_use() {
    let world = World::new().await;
    let alice = register(&world, "alice").await;
    let first = auth::issue_tokens(&world, alice).await.unwrap();
    let second = auth::refresh(&world, &first.refresh_token).await.unwrap();
    for ended in [
        "insert into sessions (user_id, session_id, device, ip, created_at, last_used_at, expires_at, revoked_at)
         select $1, gen_random_uuid(), 'old', '', now() - interval '70 days', now() - interval '70 days',
           now() - interval '31 days', case when n % 2 = 0 then now() - interval '40 days' end
         from generate_series(1, 1001) n",
        "insert into refresh_tokens (user_id, token_hash, session_id, created_at, used_at)
         select $1, uuid_send(gen_random_uuid()), gen_random_uuid(), now() - interval '61 days',
           case when n % 2 = 0 then now() - interval '31 days' end
         from generate_series(1, 1001) n",
        "insert into sessions (user_id, session_id, device, ip, created_at, last_used_at, expires_at, revoked_at)
         values ($1, gen_random_uuid(), 'ended lately', '', now(), now(), now(), now() - interval '29 days')",
        "insert into refresh_tokens (user_id, token_hash, session_id, created_at, used_at)
         select $1, 'used lately', session_id, now() - interval '50 days', now() - interval '29 days' from sessions
         where user_id = $1 and revoked_at is null and expires_at > now()",
    ] {
        sqlx::query(ended).bind(alice.user_id.0).execute(&world.db).await.unwrap();
    }
    assert_eq!(stored(&world).await, (1_003, 1_004));
    for recorded in [
        "create table deletions (rows bigint)",
        "create function record_deletion() returns trigger language plpgsql as
         $$ begin insert into deletions select count(*) from gone; return null; end $$",
        "create trigger record after delete on sessions referencing old table as gone
         for each statement execute function record_deletion()",
        "create trigger record after delete on refresh_tokens referencing old table as gone
         for each statement execute function record_deletion()",
    ] {
        sqlx::query(recorded).execute(&world.db).await.unwrap();
    }
    let task = tokio::spawn(auth::forget_ended_sessions((*world).clone()));
    while stored(&world).await != (2, 3) {
        assert!(!task.is_finished());
        tokio::task::yield_now().await;
    }
    task.abort();
    let most: i64 = sqlx::query_scalar("select max(rows) from deletions").fetch_one(&world.db).await.unwrap();
    assert!(most <= 1_000, "one statement deleted {most} rows");
    // A second use of the used token is still detected.
    assert!(lives(&world, alice).await);
    assert_eq!(refused(auth::refresh(&world, &first.refresh_token).await), Some(Unauthenticated));
    assert_eq!(refused(auth::refresh(&world, &second.refresh_token).await), Some(Unauthenticated));
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
async fn a_refresh_token_works_once_and_its_reuse_ends_the_session() {
    let world = World::new().await;
    let alice = register(&world, "alice").await;
    let other = sign_in(&world, "alice", PASSWORD).await.unwrap();
    let first = auth::issue_tokens(&world, alice).await.unwrap();
    let second = auth::refresh(&world, &first.refresh_token).await.unwrap();
    assert_ne!(first.refresh_token, second.refresh_token);
    assert!(lives(&world, alice).await);
    assert_eq!(refused(auth::refresh(&world, &first.refresh_token).await), Some(Unauthenticated));
    assert!(!lives(&world, alice).await);
    assert_eq!(refused(auth::refresh(&world, &second.refresh_token).await), Some(Unauthenticated));
    assert!(lives(&world, other).await);
}

#[tokio::test]
async fn one_of_fifty_concurrent_refreshes_succeeds() {
    let world = World::new().await;
    let alice = register(&world, "alice").await;
    let token = auth::issue_tokens(&world, alice).await.unwrap().refresh_token;
    let tries = join_all((0..50).map(|_| auth::refresh(&world, &token))).await;
    assert_eq!(tries.into_iter().filter(Result::is_ok).count(), 1);
    assert!(!lives(&world, alice).await);
}

#[tokio::test]
async fn a_refresh_token_of_another_or_an_unknown_user_is_refused() {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let token = auth::issue_tokens(&world, alice).await.unwrap().refresh_token;
    let (_, secret) = token.split_once('.').unwrap();
    for forged in ["", ".", "x", &format!("{}.{secret}", bob.user_id), &format!("{}.", alice.user_id), secret] {
        assert_eq!(refused(auth::refresh(&world, forged).await), Some(Unauthenticated), "{forged}");
    }
    assert!(auth::refresh(&world, &token).await.is_ok());
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

#[tokio::test]
async fn tokens_of_one_type_never_pass_for_another() {
    let world = World::new().await;
    let alice = register(&world, "alice").await;
    let refresh = auth::issue_tokens(&world, alice).await.unwrap().refresh_token;
    let access = world.tokens.sign(TokenType::Access, alice).unwrap();
    let session = auth::renew_session(&world, alice).await.unwrap();
    for (token, as_access, as_session) in [(&access, true, false), (&session, false, true), (&refresh, false, false)] {
        for (typ, passes) in [(TokenType::Access, as_access), (TokenType::Session, as_session)] {
            assert_eq!(auth::authenticate(&world, typ, token).await.is_ok(), passes, "{typ:?}");
        }
    }
    for token in [&access, &session] {
        assert_eq!(refused(auth::refresh(&world, token).await), Some(Unauthenticated));
    }
}

/// The id of the key that a node signs with.
fn signing_key(node: &Node, actor: Actor) -> String {
    key_of(&node.tokens.sign(TokenType::Access, actor).unwrap())
}

fn key_of(token: &str) -> String {
    jsonwebtoken::decode_header(token).unwrap().kid.unwrap()
}

/// Makes all keys older.
async fn age_keys(world: &World, seconds: f64) {
    let age = "update signing_keys set created_at = created_at - make_interval(secs => $1)";
    sqlx::query(age).bind(seconds).execute(&world.db).await.unwrap();
}

#[tokio::test]
async fn nodes_sign_with_the_newest_key_once_all_could_load_it() {
    let world = World::new().await;
    let other_node = world.another_node().await;
    let alice = register(&world, "alice").await;
    let before = world.tokens.sign(TokenType::Access, alice).unwrap();
    let rotated = world.tokens.rotate().await.unwrap();
    assert_eq!(signing_key(&world, alice), key_of(&before), "the other node does not know the new key yet");

    age_keys(&world, 61.0).await;
    world.tokens.load().await.unwrap();
    let after = world.tokens.sign(TokenType::Access, alice).unwrap();
    assert_eq!(key_of(&after), rotated);
    // The other node missed its loads; the unknown key makes it load.
    assert_eq!(signing_key(&other_node, alice), key_of(&before));
    let since = std::time::Instant::now();
    assert!(auth::authenticate(&other_node, TokenType::Access, &after).await.is_ok());
    assert!(since.elapsed().as_secs_f64() < 2.0);
    assert_eq!(signing_key(&other_node, alice), rotated);
    for (node, token) in [(&*world, &before), (&other_node, &before), (&other_node, &after)] {
        assert!(auth::authenticate(node, TokenType::Access, token).await.is_ok());
    }
}

#[tokio::test]
async fn a_running_node_loads_new_keys_by_itself() {
    let world = World::new().await;
    let other_node = world.another_node().await;
    let rotated = world.tokens.rotate().await.unwrap();
    let task = tokio::spawn(auth::load_keys(other_node.clone()));
    while !other_node.tokens.jwks().to_string().contains(&rotated) {
        assert!(!task.is_finished());
        tokio::task::yield_now().await;
    }
    other_node.shutdown.cancel();
    task.await.unwrap();
}

#[tokio::test]
async fn a_new_node_signs_with_the_newest_key() {
    let world = World::new().await;
    let alice = register(&world, "alice").await;
    // The clock of the node that created the first key was an hour fast.
    age_keys(&world, -3_600.0).await;
    let rotated = world.tokens.rotate().await.unwrap();
    age_keys(&world, 7_200.0).await;
    assert_eq!(signing_key(&world.another_node().await, alice), rotated);
}

#[tokio::test]
async fn invented_key_ids_do_not_prevent_the_load_of_a_new_key() {
    let world = World::new().await;
    let other_node = world.another_node().await;
    let alice = register(&world, "alice").await;
    let rotated = world.tokens.rotate().await.unwrap();
    age_keys(&world, 61.0).await;
    world.tokens.load().await.unwrap();
    let token = world.tokens.sign(TokenType::Access, alice).unwrap();
    let invented = |n: u32| {
        let header = URL_SAFE_NO_PAD.encode(json!({ "alg": "EdDSA", "typ": "JWT", "kid": n.to_string() }).to_string());
        format!("{header}.{}", token.split_once('.').unwrap().1)
    };
    let tokens: Vec<String> = (0..200).map(invented).chain([token.clone()]).collect();
    let since = std::time::Instant::now();
    let tries = join_all(tokens.iter().map(|token| auth::authenticate(&other_node, TokenType::Access, token))).await;
    assert!(since.elapsed().as_secs_f64() < 5.0, "the tokens wait for the same load");
    assert_eq!(tries.iter().map(Result::is_ok).filter(|accepted| *accepted).count(), 1);
    assert!(tries[200].is_ok() && key_of(&token) == rotated);
}

#[tokio::test]
async fn a_key_is_dropped_when_its_last_token_has_expired() {
    let world = World::new().await;
    let alice = register(&world, "alice").await;
    let token = world.tokens.sign(TokenType::Access, alice).unwrap();
    let rotated = world.tokens.rotate().await.unwrap();
    age_keys(&world, 30.0 * 86_400.0).await;
    world.tokens.load().await.unwrap();
    assert!(auth::authenticate(&world, TokenType::Access, &token).await.is_ok(), "the old key signed for 60 s more");
    age_keys(&world, 61.0).await;
    world.tokens.load().await.unwrap();
    assert_eq!(refused(auth::authenticate(&world, TokenType::Access, &token).await), Some(Unauthenticated));
    let keys = world.tokens.jwks()["keys"].as_array().unwrap().clone();
    assert!(keys.len() == 1 && keys[0]["kid"] == rotated, "{keys:?}");
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let world = World::new().await;
    let alice = register(&world, "alice").await;
    let (kid, pkcs8, public): (String, Vec<u8>, Vec<u8>) =
        sqlx::query_as("select key_id, pkcs8, public_key from signing_keys").fetch_one(&world.db).await.unwrap();
    let ours = EncodingKey::from_ed_der(&pkcs8);
    let pair = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).unwrap();
    let theirs = EncodingKey::from_ed_der(pair.as_ref());

    let now = clock::now().0 / 1_000;
    let sound = json!({
        "iss": "messenger", "aud": "messenger", "sub": alice.user_id, "sid": alice.session_id, "typ": "access",
        "iat": now, "nbf": now, "exp": now + 60,
    });
    let claims = |changed: Value| {
        let mut claims = sound.clone();
        claims.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
        claims
    };
    let header = |algorithm| Header { kid: Some(kid.clone()), ..Header::new(algorithm) };
    let eddsa = || header(Algorithm::EdDSA);
    let sign = |header: Header, claims: &Value, key: &EncodingKey| jsonwebtoken::encode(&header, claims, key).unwrap();
    let passes = async |token: String| auth::authenticate(&world, TokenType::Access, &token).await.is_ok();
    let genuine = sign(eddsa(), &sound, &ours);
    assert!(passes(genuine.clone()).await, "the genuine token is accepted");

    let unsigned = |header: Value| {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.", part(&header), part(&sound))
    };
    let (head, signature) = (genuine.split('.').next().unwrap(), genuine.rsplit('.').next().unwrap());
    let raised = URL_SAFE_NO_PAD.encode(claims(json!({ "exp": now + 9_999 })).to_string());
    let public_text = URL_SAFE_NO_PAD.encode(&public);
    let forged = [
        ("alg none", unsigned(json!({ "alg": "none", "typ": "JWT", "kid": kid }))),
        ("alg None", unsigned(json!({ "alg": "None", "typ": "JWT", "kid": kid }))),
        ("no signature", unsigned(json!({ "alg": "EdDSA", "typ": "JWT", "kid": kid }))),
        ("HS256 by the public key", sign(header(Algorithm::HS256), &sound, &EncodingKey::from_secret(&public))),
        (
            "HS256 by the text of the public key",
            sign(header(Algorithm::HS256), &sound, &EncodingKey::from_secret(public_text.as_bytes())),
        ),
        ("another key", sign(eddsa(), &sound, &theirs)),
        ("an unknown kid", sign(Header { kid: Some("theirs".into()), ..eddsa() }, &sound, &ours)),
        ("no kid", sign(Header { kid: None, ..eddsa() }, &sound, &ours)),
        ("a jku", sign(Header { jku: Some("https://evil.example/jwks.json".into()), ..eddsa() }, &sound, &theirs)),
        ("other claims under a signature", format!("{head}.{raised}.{signature}")),
        ("expired", sign(eddsa(), &claims(json!({ "exp": now - 60 })), &ours)),
        ("not yet valid", sign(eddsa(), &claims(json!({ "nbf": now + 600 })), &ours)),
        ("another audience", sign(eddsa(), &claims(json!({ "aud": "somebody" })), &ours)),
        ("another issuer", sign(eddsa(), &claims(json!({ "iss": "somebody" })), &ours)),
        ("another type", sign(eddsa(), &claims(json!({ "typ": "session" })), &ours)),
        ("an unknown type", sign(eddsa(), &claims(json!({ "typ": "root" })), &ours)),
        ("no end", sign(eddsa(), &claims(json!({ "exp": null })), &ours)),
        ("a session that never existed", sign(eddsa(), &claims(json!({ "sid": alice.user_id })), &ours)),
        ("nothing", String::new()),
        ("dots", "..".into()),
    ];
    for (what, token) in forged {
        assert!(!passes(token).await, "{what}");
    }
}
