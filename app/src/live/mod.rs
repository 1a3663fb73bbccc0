//! The store that pages read, the socket that updates it, and the copy of it on this device.

mod api;
#[cfg(feature = "hydrate")]
mod browser;
mod connect;
pub mod draft;
mod exchange;
#[cfg(feature = "hydrate")]
mod indexed_db;
#[cfg(any(feature = "hydrate", test))]
mod memory;
mod mutes;
mod notice;
#[cfg(feature = "hydrate")]
mod offline;
#[cfg(feature = "hydrate")]
mod outbox;
#[cfg(feature = "hydrate")]
mod poll;
mod post;
#[cfg(feature = "hydrate")]
mod reconnect;
mod saves;
#[cfg(feature = "hydrate")]
mod session;
#[cfg(feature = "hydrate")]
mod socket;
mod store;
#[cfg(any(feature = "hydrate", test))]
mod stored;
mod tabs;
mod toast;
mod version;
#[cfg(feature = "hydrate")]
mod wake;

#[cfg(feature = "hydrate")]
pub use api::{fetch, load_page, load_reacted};
pub use api::{load_history, load_members, load_quoted};
pub use connect::Connect;
#[cfg(feature = "hydrate")]
pub use connect::refresh;
pub use notice::{Before, Notice, Undo};
#[cfg(feature = "hydrate")]
pub use offline::page as offline_page;
pub use post::{quietly, quietly_then, send_quietly};
#[cfg(feature = "hydrate")]
pub use store::ReadUpTo;
pub use store::{Connection, Place, Store, now};
pub use tabs::{OtherTabs, apply_choice, share_account, share_choice, share_locale};
pub use toast::Toast;
pub use version::NewVersion;

/// Wipes the user's data from this device, then calls `go_on`.
pub fn forget_everything(go_on: impl FnOnce() + 'static) {
    #[cfg(feature = "hydrate")]
    leptos::task::spawn_local(async move {
        session::leave();
        offline::wipe(offline::Wipe::Everything).await;
        go_on();
    });
    #[cfg(not(feature = "hydrate"))]
    drop(go_on);
}

/// Starts the tasks of the page: the connection, the outbox, and the copy on this device.
#[cfg(feature = "hydrate")]
fn begin(store: Store) {
    use crate::ui::{effect, effect_from, memo};
    use futures::channel::mpsc;
    use leptos::{prelude::*, task::spawn_local};
    use protocol::reducer::{Part, Unsent};

    browser::follow_clock(store);
    mutes::watch(store);
    let Some(me) = store.read_untracked(protocol::reducer::State::me_id) else {
        // Without a signed-in user, no chats stay on this device. Unsent messages wait for their author, unless the
        // author has ended the session.
        let ended = store.page.with_untracked(|page| matches!(page, crate::seed::Page::Ended));
        return spawn_local(offline::wipe(if ended { offline::Wipe::Everything } else { offline::Wipe::Rows }));
    };
    reconnect::start(store);
    let (hidden, hides) = mpsc::unbounded();
    browser::listen("pagehide", move || {
        let _ = hidden.unbounded_send(());
    });
    let (sender, events) = mpsc::unbounded();
    let unsent = memo(move || store.read(Part::Outbox, |state| state.outbox.clone()));
    let outbox_changed = sender.clone();
    effect_from(move |before: Option<Vec<Unsent>>| {
        let now = unsent.get();
        let left = |unsent: &&Unsent| !now.iter().any(|other| other.client_id == unsent.client_id);
        // One tab is enough.
        if store.may_send.get_untracked() {
            before.iter().flatten().filter(left).for_each(|unsent| store.settle_sent(unsent));
        }
        let _ = outbox_changed.unbounded_send(outbox::Event::Changed);
        now
    });
    effect(move || {
        // The server responds again: hide the notice of boot.js.
        if store.connection.get().is_up()
            && let Some(root) = document().document_element()
        {
            let _ = root.remove_attribute("data-unreachable");
        }
    });
    spawn_local(async move {
        let database = offline::open(me).await;
        let sharing = outbox::Sharing::new(store, format!("outbox-{me}"), database.clone(), sender);
        spawn_local(sharing.run(events));
        if let Some(database) = database {
            offline::save(store, database, hides).await;
        }
    });
}
