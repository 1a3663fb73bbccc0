//! A member who is removed in the middle of a read: the read returns nothing newer than the removal.

use crate::support::{World, react, refused, say, waiting_for_locks};
use protocol::{chat::Window, error::ErrorCode::NotFound, ids::ChatId};
use services::{
    Actor,
    chat::{self, commit::Reacting},
    groups::{self, MembersPage},
    infra::database as pool,
};
use sqlx::AssertSqlSafe;

const SECRET: &str = "after the removal";

struct Cast {
    world: World,
    alice: Actor,
    bob: Actor,
    group: ChatId,
}

async fn cast() -> Cast {
    let world = World::new().await;
    let [alice, bob] = world.people(["alice", "bob"]).await;
    let group = world.group(alice, &[bob]).await;
    say(&world, alice, group, "before").await;
    Cast { world, alice, bob, group }
}

impl Cast {
    /// Runs a read by Bob. When the read waits for the lock of `table`, removes Bob and runs `change`.
    async fn removed_during<T>(&self, table: &str, change: &'static str, read: impl Future<Output = T>) -> T {
        let mut tx = pool::begin(&self.world.db).await.unwrap();
        let lock = AssertSqlSafe(format!("lock table {table} in access exclusive mode"));
        sqlx::query(lock).execute(&mut *tx).await.unwrap();
        let remove = async {
            waiting_for_locks(&self.world.db, 1).await;
            let removal = "update members set removed = true where chat_id = $1 and user_id = $2";
            sqlx::query(removal).bind(self.group.0).bind(self.bob.user_id.0).execute(&mut *tx).await.unwrap();
            sqlx::query(change).bind(self.group.0).bind(self.alice.user_id.0).execute(&mut *tx).await.unwrap();
            tx.commit().await.unwrap();
        };
        tokio::join!(read, remove).0
    }
}

const EDIT: &str = "update messages set text = 'after the removal' where chat_id = $1 and sender_id = $2 and no = 2";

#[tokio::test]
async fn history_returns_no_edit_after_the_removal() {
    let cast = cast().await;
    let read = chat::history(&cast.world, cast.bob, cast.group, Window::Newest, None);
    assert_eq!(refused(cast.removed_during("messages", EDIT, read).await), Some(NotFound));
}

#[tokio::test]
async fn quotes_return_no_edit_after_the_removal() {
    let cast = cast().await;
    let read = chat::quoted(&cast.world, cast.bob, cast.group, &[2]);
    let quoted = cast.removed_during("messages", EDIT, read).await.unwrap();
    assert!(quoted.replies.iter().all(|message| message.text != SECRET), "{quoted:?}");
}

#[tokio::test]
async fn an_edit_after_the_removal_cannot_be_reported() {
    let cast = cast().await;
    let read = chat::report_message(&cast.world, cast.bob, cast.group, 2, "rude");
    assert_eq!(refused(cast.removed_during("messages", EDIT, read).await), Some(NotFound));
}

#[tokio::test]
async fn the_list_of_reactions_is_empty_after_the_removal() {
    let cast = cast().await;
    react(&cast.world, cast.alice, (cast.group, 2), "👍", Reacting::Give).await.unwrap();
    let change = "update reactions set emoji = '🤫' where chat_id = $1 and user_id = $2";
    let read = chat::reacted(&cast.world, cast.bob, cast.group, 2, None, None);
    let page = cast.removed_during("reactions", change, read).await.unwrap();
    assert_eq!(page.items, []);
}

#[tokio::test]
async fn the_list_of_members_is_empty_after_the_removal() {
    let cast = cast().await;
    let change = "update users set display_name = $1::uuid::text where user_id = $2";
    let read = groups::members(&cast.world, cast.bob, cast.group, MembersPage::default());
    let page = cast.removed_during("users", change, read).await.unwrap();
    assert_eq!(page.items, []);
}
