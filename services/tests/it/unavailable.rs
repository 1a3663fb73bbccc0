//! Temporary failures of the database: the client is asked to retry, and other users notice nothing.

use crate::{
    database,
    support::{Listener, World, draft, refused, say},
};
use protocol::{
    error::ErrorCode::{self, Internal, Unavailable},
    frames::ServerFrame,
};
use services::{Rejection, chat, infra::database as pool};

#[tokio::test]
async fn temporary_failures_are_unavailable_with_a_time_to_retry() {
    let db = pool::connect(&database::migrated().await, 1).await.unwrap();
    for (state, code) in [
        ("55P03", Unavailable),
        ("25006", Unavailable),
        ("25P03", Unavailable),
        ("40P01", Unavailable),
        ("57014", Unavailable),
        ("25P02", Internal),
        ("23505", Internal),
    ] {
        let raise = format!("do $$ begin raise exception using errcode = '{state}'; end $$");
        let error = sqlx::raw_sql(sqlx::AssertSqlSafe(raise)).execute(&db).await.unwrap_err();
        let rejection = Rejection::from(error);
        let expected: (ErrorCode, bool) = (code, code == Unavailable);
        assert_eq!((rejection.code(), rejection.retry_after.is_some()), expected, "{state}");
    }
}

#[tokio::test]
async fn a_failed_commit_resyncs_the_members_of_its_chat_alone() {
    let world = World::new().await;
    let [alice, bob, stranger] = world.people(["alice", "bob", "stranger"]).await;
    let direct = world.direct(alice, bob).await;
    say(&world, alice, direct, "stored").await;
    let listeners = [alice, bob, stranger].map(|actor| Listener::open(&world, actor));
    sqlx::raw_sql(
        "create function refuse() returns trigger language plpgsql as $$ begin raise exception 'refused'; end $$;
         create constraint trigger refuse after insert on messages deferrable initially deferred
             for each row execute function refuse()",
    )
    .execute(&world.db)
    .await
    .unwrap();
    for _ in 0..3 {
        assert!(refused(chat::post_message(&world, alice, direct, draft("lost")).await).is_some());
    }
    sqlx::raw_sql("drop trigger refuse on messages").execute(&world.db).await.unwrap();
    // The next batch publishes after the failed ones.
    let sent = say(&world, alice, direct, "sent").await;
    let frame = ServerFrame::Message { chat_id: direct, seq: sent.seq, message: sent };
    for (listener, expected) in
        listeners.iter().zip([vec![ServerFrame::Resync {}, frame.clone()], vec![ServerFrame::Resync {}, frame], vec![]])
    {
        assert_eq!(listener.frames().await, expected);
    }
}
