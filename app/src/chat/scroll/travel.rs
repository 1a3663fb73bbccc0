//! Moves the window of messages when the reader scrolls or follows a link to a message. Loads the messages that
//! the store does not have.

use super::{ARRIVED_PX, Scroll};
use crate::{
    chat::{
        open_chat::Jump,
        window::{self, Shown, Wanted},
    },
    live::{Notice, Place, load_history},
};
use leptos::prelude::*;

impl Scroll {
    /// The range of held messages that contains `no` and has no gap.
    fn held(self, no: u64) -> (u64, u64) {
        let held = self.store.with_chat_untracked(self.chat_id, |chat| chat.known.containing(no)).flatten();
        held.unwrap_or((no, no))
    }

    pub(super) fn earlier(self, shown: Shown) {
        let first = shown.first;
        let back = move || shown.earlier(self.held(first).0);
        if self.held(first).0 < first { self.wanted.set(back()) } else { self.load(Some(first), None, back) }
    }

    pub(super) fn later(self, shown: Shown) {
        let (last, on) = (shown.last, move || shown.later());
        if self.held(last).1 > last { self.wanted.set(on()) } else { self.load(None, Some(last), on) }
    }

    fn load(self, before: Option<u64>, after: Option<u64>, then: impl Fn() -> Wanted + 'static) {
        if self.loading.get_untracked() || self.failed.get_untracked() {
            return;
        }
        let jumps = self.jumps.get_value();
        self.loading.set(true);
        leptos::task::spawn_local(async move {
            let loaded = load_history(self.chat_id, before, after, None).await;
            // The reader may have left the conversation in the meantime.
            if self.loading.try_set(false).is_some() {
                return;
            }
            match loaded {
                Ok(history) => self.store.add_history(self.chat_id, history),
                Err(_) => return self.failed.set(true),
            }
            if self.jumps.get_value() == jumps {
                self.wanted.set(then());
            }
        });
    }

    /// Requests the messages again that could not be loaded.
    pub fn retry(self) {
        self.failed.set(false);
        self.scrolled();
    }

    /// Goes to a message, or to the end.
    pub fn jump(self, jump: Jump) {
        let last_no = self.shown.get_untracked().last_no;
        let (no, at) = match jump {
            Jump::To(no) => (no, Some(no)),
            Jump::Newest | Jump::Sent => (last_no, None),
        };
        let jumps = self.jumps.get_value() + 1;
        self.jumps.set_value(jumps);
        let sent = jump == Jump::Sent;
        if sent {
            self.skip_to_sent();
        }
        let (first, last) = window::around(no, last_no);
        let held = self.store.with_chat_untracked(self.chat_id, |chat| chat.known.covers(first, last)) == Some(true);
        // A sent message is shown at once, even if the messages before it must be loaded.
        if held || sent {
            self.arrive(at);
        }
        if held {
            return;
        }
        self.loading.set(true);
        leptos::task::spawn_local(async move {
            let loaded = load_history(self.chat_id, None, None, at).await;
            let is_open = self.loading.try_set(false).is_none();
            match loaded {
                Ok(history) => {
                    self.store.add_history(self.chat_id, history);
                    if is_open && !sent && self.jumps.get_value() == jumps {
                        self.arrive(at);
                    }
                }
                Err(refusal) if !sent => self.store.notice.set(Some(Notice::Failed(refusal.0.code))),
                Err(_) => {}
            }
        });
    }

    /// Shows a message, or the end. The store must already have the messages around it.
    fn arrive(self, at: Option<u64>) {
        if let Some(no) = at {
            self.skip_to(no);
        }
        if let Some(scroller) = self.element() {
            self.offset.set_value(scroller.scroll_top());
        }
        self.anchor.set_value(at.map(|no| Place { no, top: ARRIVED_PX }));
        self.wanted.set(at.map_or(Wanted::End, |no| Wanted::before(no, self.held(no).0)));
        self.meant.set_value(at);
        request_animation_frame(move || {
            self.settle();
            self.scrolled();
            self.rested();
        });
    }
}
