//! The rules of ARCHITECTURE.md for the schema, checked in the catalog of the database.

use crate::{
    database,
    support::{World, holds},
};
use services::{Node, Settings, auth, infra::database as pool};
use sqlx::{PgPool, Row as _};
use std::collections::BTreeSet;

/// Distributed tables, by distribution column. The keys of each table begin with this column.
const DISTRIBUTED: [(&str, &[&str]); 2] = [
    ("chat_id", &["chats", "members", "messages", "reactions", "reports"]),
    ("user_id", &["sessions", "refresh_tokens", "user_heads", "user_chats", "blocks", "presence"]),
];
/// Reference tables: every Citus worker has a full copy.
const REFERENCE: [&str; 2] = ["users", "signing_keys"];

async fn names(world: &World, question: &'static str) -> BTreeSet<String> {
    names_in(&world.db, question).await
}

async fn names_in(db: &PgPool, question: &'static str) -> BTreeSet<String> {
    sqlx::query_scalar::<_, String>(question).fetch_all(db).await.unwrap().into_iter().collect()
}

#[tokio::test]
async fn every_table_is_distributed_by_chat_or_user_or_is_a_reference_table() {
    let tables = names(
        &World::new().await,
        "select relname::text from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace
           and relname <> '_sqlx_migrations'",
    )
    .await;
    let known = DISTRIBUTED.iter().flat_map(|(_, tables)| *tables).chain(&REFERENCE);
    assert_eq!(tables, known.map(|name| (*name).to_owned()).collect());
}

#[tokio::test]
async fn every_key_begins_with_the_distribution_column() {
    let world = World::new().await;
    for (column, tables) in DISTRIBUTED {
        let keys: Vec<(String, String)> = sqlx::query_as(
            "select i.indexrelid::regclass::text, a.attname::text
             from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
             where i.indisunique and i.indrelid::regclass::text = any($1)",
        )
        .bind(tables)
        .fetch_all(&world.db)
        .await
        .unwrap();
        assert!(keys.len() >= tables.len(), "some of {tables:?} have no key: {keys:?}");
        for (key, first) in keys {
            assert_eq!(first, column, "{key}");
        }
    }
}

#[tokio::test]
async fn a_send_is_unique_for_ever_by_its_chat_sender_and_client_id() {
    let keys = names(
        &World::new().await,
        "select pg_get_constraintdef(oid) from pg_constraint where conrelid = 'messages'::regclass and contype in ('p', 'u')",
    )
    .await;
    assert!(keys.contains("UNIQUE (chat_id, sender_id, client_id)"), "{keys:?}");
    assert!(keys.contains("PRIMARY KEY (chat_id, no)"), "{keys:?}");
}

#[tokio::test]
async fn there_are_no_foreign_keys_triggers_or_sequences() {
    let world = World::new().await;
    for (what, question) in [
        ("triggers", "select tgname::text from pg_trigger where not tgisinternal"),
        ("foreign keys", "select conname::text from pg_constraint where contype = 'f'"),
        ("rules", "select rulename::text from pg_rules where schemaname = 'public'"),
        (
            "sequences",
            "select relname::text from pg_class where relkind = 'S' and relnamespace = 'public'::regnamespace",
        ),
        (
            "functions of our own",
            "select p.proname::text from pg_proc p where p.pronamespace = 'public'::regnamespace
               and not exists (select 1 from pg_depend d where d.objid = p.oid and d.deptype = 'e')",
        ),
        (
            // PostgreSQL computes `folded` from the name alone, on every Citus node alike.
            "defaults that are not constant",
            r"select d.adrelid::regclass || '.' || a.attname from pg_attrdef d
             join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
             join pg_class c on c.oid = d.adrelid and c.relnamespace = 'public'::regnamespace
             where c.relname <> '_sqlx_migrations' and d.adrelid::regclass || '.' || a.attname <> 'users.folded'
               and (a.attgenerated <> '' or pg_get_expr(d.adbin, d.adrelid) !~ '^(true|false|-?[0-9]+|''[^'']*''::(text|jsonb|uuid\[\]))$')",
        ),
    ] {
        assert_eq!(names(&world, question).await, BTreeSet::new(), "{what}");
    }
}

#[tokio::test]
async fn an_empty_database_is_migrated_once() {
    let db = pool::connect(&database::empty().await, 1).await.unwrap();
    assert!(!pool::is_migrated(&db).await.unwrap());
    for _ in 0..2 {
        pool::migrate(&db).await.unwrap();
        assert!(pool::is_migrated(&db).await.unwrap());
    }
}

#[tokio::test]
async fn a_database_that_cannot_fold_cyrillic_is_not_migrated() {
    for options in ["encoding 'UTF8' lc_collate 'C' lc_ctype 'C'", "encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'"] {
        let db = pool::connect(&database::of_template("template0", options).await, 1).await.unwrap();
        let sentence = pool::migrate(&db).await.unwrap_err();
        assert!(sentence.contains("cannot fold Cyrillic") && !sentence.contains('\n'), "{sentence}");
        assert!(!pool::is_migrated(&db).await.unwrap());
    }
}

#[tokio::test]
async fn a_database_that_cannot_sort_names_is_not_migrated() {
    let db = pool::connect(&database::empty().await, 1).await.unwrap();
    sqlx::query("drop collation pg_catalog.\"ru-x-icu\"").execute(&db).await.unwrap();
    let sentence = pool::migrate(&db).await.unwrap_err();
    assert!(sentence.contains("without ICU") && !sentence.contains('\n'), "{sentence}");
    assert!(!pool::is_migrated(&db).await.unwrap());
}

#[tokio::test]
async fn the_clean_up_finds_rows_by_an_index() {
    let world = World::new().await;
    let [alice] = world.people(["alice"]).await;
    auth::issue_tokens(&world, alice).await.unwrap();
    for statement in [
        "update sessions set revoked_at = now() - interval '31 days'",
        "update refresh_tokens set created_at = now() - interval '31 days'",
        // The planner prefers a sequential scan for a small table.
        "do $$ begin execute format('alter database %I set enable_seqscan = off', current_database()); end $$",
    ] {
        sqlx::query(statement).execute(&world.db).await.unwrap();
    }
    let node = Node::open(pool::connect(&world.url, 1).await.unwrap(), Settings::default()).await.unwrap();
    let task = tokio::spawn(auth::forget_ended_sessions(node.clone()));
    holds(&node.db, "select count(*) = $1 from sessions", 0_i64).await;
    task.abort();
    sqlx::query("select pg_stat_force_next_flush()").execute(&node.db).await.unwrap();
    let scanned =
        "select indexrelname::text from pg_stat_user_indexes where idx_scan > 0 and indexrelname like '%_ended'";
    assert_eq!(names_in(&node.db, scanned).await, ["refresh_tokens_ended", "sessions_ended"].map(str::to_owned).into());
}

#[tokio::test]
async fn an_older_binary_runs_on_a_newer_schema() {
    let db = pool::connect(&database::migrated().await, 1).await.unwrap();
    sqlx::query(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         values (99990101000000, 'of a later version', true, '', 0)",
    )
    .execute(&db)
    .await
    .unwrap();
    pool::migrate(&db).await.unwrap();
    assert!(pool::is_migrated(&db).await.unwrap());
}

#[tokio::test]
async fn a_cancelled_begin_leaves_no_open_transaction() {
    let db = pool::connect(&database::migrated().await, 1).await.unwrap();
    for polls in 0..200 {
        let mut begun = Box::pin(pool::begin(&db));
        // Cancel `begin` after this number of polls.
        for _ in 0..polls {
            if futures::poll!(&mut begun).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(begun);
        let outside = sqlx::raw_sql("select now() = statement_timestamp()").fetch_one(&db).await.unwrap();
        assert!(outside.get::<bool, _>(0), "after {polls} polls the connection is in a transaction");
    }
}
