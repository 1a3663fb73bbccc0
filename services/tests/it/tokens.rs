//! Tokens, the keys that sign them, and the clean-up of ended sessions.

use crate::{
    auth::{lives, sign_in},
    support::{PASSWORD, World, refused, register},
};
use aws_lc_rs::{rand::SystemRandom, signature::Ed25519KeyPair};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::future::join_all;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use protocol::error::ErrorCode::Unauthenticated;
use serde_json::{Value, json};
use services::{
    Actor, Node, auth,
    infra::{clock, tokens::TokenType},
};

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
