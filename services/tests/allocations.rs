//! Counts the allocations of a delivery. It is a program of its own, because other tests would allocate at the same time.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "it/database.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod database;
#[path = "it/support.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod support;

use protocol::{frames::ServerFrame, ids::ChatId};
use services::live::{Frame, Keep, Next, Published, deliver};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use support::{Listener, World};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// One frame for the members of a chat.
fn published(chat_id: ChatId) -> Published {
    let frame = Frame::new(Keep::IfRoom, &ServerFrame::Resync {});
    Published::in_chat(chat_id, 0, vec![frame])
}

#[tokio::test]
async fn a_delivery_allocates_nothing_per_socket() {
    let world = World::new().await;
    let [alice] = world.people(["alice"]).await;
    let chat_id = world.group(alice, &[]).await;
    let mut costs = Vec::new();
    let mut sockets = Vec::new();
    for more in [10, 80] {
        sockets.extend((0..more).map(|_| Listener::open(&world, alice)));
        // The first delivery finds the sockets, and gives each queue its memory.
        for _ in 0..2 {
            let region = Region::new(ALLOCATOR);
            deliver(&world, published(chat_id)).await;
            costs.push(region.change().allocations);
            for socket in &sockets {
                assert!(matches!(socket.subscription.outbound.next().await, Next::Write(runs) if runs.len() == 1));
            }
        }
    }
    let [_, ten, _, ninety] = costs[..] else { panic!("{costs:?}") };
    assert_eq!(ten, ninety, "allocations for 10 and for 90 sockets");
    assert!(ninety <= 8, "{ninety} allocations");
}
