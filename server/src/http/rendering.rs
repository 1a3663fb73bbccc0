//! Where rendering runs what it spawns.

use any_spawner::{CustomExecutor, PinnedFuture, PinnedLocalFuture};
use std::task::{Context, Waker};

/// Runs each task up to its first wait before it is spawned. What rendering spawns are effects that
/// read signals of their page; on a busy machine a thread of the pool would come to them when the page
/// is sent and its signals are gone.
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
