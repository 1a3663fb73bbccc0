//! The executor for the tasks that rendering spawns.

use any_spawner::{CustomExecutor, PinnedFuture, PinnedLocalFuture};
use std::task::{Context, Waker};

/// Polls each task once before it spawns it. Rendering spawns effects that read signals of their page; on a
/// busy machine a thread of the pool could run them only after the page is sent and its signals are dropped.
pub struct Eager;

impl CustomExecutor for Eager {
    fn spawn(&self, mut task: PinnedFuture<()>) {
        if task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
            tokio::spawn(task);
        }
    }

    fn spawn_local(&self, task: PinnedLocalFuture<()>) {
        tokio::task::spawn_local(task);
    }

    fn poll_local(&self) {}
}
