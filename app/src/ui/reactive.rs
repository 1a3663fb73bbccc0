//! The reactive types that views share: one type for each kind of value, because for every type of closure the
//! download would contain another copy of the rendering code.
//!
//! In reactive_graph, a memo or effect that is dropped stays subscribed to its signals. The signals of a page live for
//! hours, so memos and views, which every row of a list has, end their subscriptions themselves.

use leptos::{
    prelude::*,
    reactive::{
        computed::ArcMemo,
        graph::{AnySource, AnySubscriber, Observer, ReactiveNode, Source as _, Subscriber, WithObserver as _},
    },
    tachys::reactive_graph::SharedReactiveFunction,
};
use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

/// A value that a view renders again when its signals change.
pub type Reactive<T> = SharedReactiveFunction<T>;

pub fn reactive<T: 'static>(of: impl FnMut() -> T + Send + 'static) -> Reactive<T> {
    relayed(Box::new(of))
}

fn relayed<T: 'static>(mut of: Box<dyn FnMut() -> T + Send>) -> Reactive<T> {
    let relay = Arc::new(Relay::default());
    Arc::new(Mutex::new(move || relay.run(&mut of)))
}

/// Subscribes to signals in the place of the effect that renders a view, and unsubscribes when the view is dropped.
#[derive(Default)]
struct Relay(Mutex<Subscriptions>);

#[derive(Default)]
struct Subscriptions {
    effect: Option<AnySubscriber>,
    sources: Vec<AnySource>,
}

impl Relay {
    fn run<T>(self: &Arc<Self>, of: &mut dyn FnMut() -> T) -> T {
        // The server renders without effects.
        let Some(effect) = Observer::get() else { return of() };
        self.unsubscribe();
        self.lock().effect = Some(effect);
        let weak: Weak<dyn Subscriber + Send + Sync> = Arc::<Self>::downgrade(self);
        AnySubscriber(self.id(), weak).with_observer(of)
    }

    fn unsubscribe(&self) {
        let sources = mem::take(&mut self.lock().sources);
        // A source finds its subscriber by its id.
        let subscriber = AnySubscriber(self.id(), Weak::<Self>::new());
        sources.iter().for_each(|source| source.remove_subscriber(&subscriber));
    }

    fn id(&self) -> usize {
        std::ptr::from_ref(self) as usize
    }

    fn effect(&self) -> Option<AnySubscriber> {
        self.lock().effect.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Subscriptions> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.unsubscribe();
    }
}

impl ReactiveNode for Relay {
    fn mark_dirty(&self) {
        self.effect().iter().for_each(ReactiveNode::mark_dirty);
    }

    fn mark_check(&self) {
        self.effect().iter().for_each(ReactiveNode::mark_check);
    }

    fn mark_subscribers_check(&self) {}

    fn update_if_necessary(&self) -> bool {
        self.effect().is_some_and(|effect| effect.update_if_necessary())
    }
}

impl Subscriber for Relay {
    fn add_source(&self, source: AnySource) {
        // The effect asks its sources whether they have changed.
        self.effect().iter().for_each(|effect| effect.add_source(source.clone()));
        self.lock().sources.push(source);
    }

    fn clear_sources(&self, _: &AnySubscriber) {
        self.unsubscribe();
    }
}

/// A memo of a boxed closure.
pub fn memo<T: PartialEq + Send + Sync + 'static>(of: impl Fn() -> T + Send + Sync + 'static) -> Memo<T> {
    memo_of(Box::new(of))
}

fn memo_of<T: PartialEq + Send + Sync + 'static>(of: Box<dyn Fn() -> T + Send + Sync>) -> Memo<T> {
    Memo::new(move |_| {
        unsubscribe_on_cleanup();
        of()
    })
}

/// A memo that can be read after its owner has been cleaned up.
pub fn shared_memo<T: PartialEq + Send + Sync + 'static>(of: Box<dyn Fn() -> T + Send + Sync>) -> ArcMemo<T> {
    ArcMemo::new(move |_| {
        unsubscribe_on_cleanup();
        of()
    })
}

/// Ends the subscriptions of the running memo when its owner is cleaned up; before its next run there are none.
fn unsubscribe_on_cleanup() {
    if let Some(memo) = Observer::get() {
        on_cleanup(move || memo.clear_sources(&memo));
    }
}

/// Runs now and after each change of the signals it reads; in the browser only.
pub fn effect(run: impl FnMut() + 'static) {
    run_of(Box::new(run));
}

fn run_of(mut run: Box<dyn FnMut()>) {
    Effect::new(move |_| run());
}

/// Like `effect`. Each run gets the result of the previous run.
pub fn effect_from<T: 'static>(mut run: impl FnMut(Option<T>) -> T + 'static) {
    let mut before = None;
    effect(move || before = Some(run(before.take())));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// An effect that counts its notifications.
    #[derive(Default)]
    struct Notified(AtomicUsize);

    impl ReactiveNode for Notified {
        fn mark_dirty(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }

        fn mark_check(&self) {
            self.mark_dirty();
        }

        fn mark_subscribers_check(&self) {}

        fn update_if_necessary(&self) -> bool {
            false
        }
    }

    impl Subscriber for Notified {
        fn add_source(&self, _: AnySource) {}

        fn clear_sources(&self, _: &AnySubscriber) {}
    }

    #[test]
    fn a_relay_is_subscribed_to_the_signals_of_its_last_run() {
        let effect = Arc::new(Notified::default());
        let weak: Weak<dyn Subscriber + Send + Sync> = Arc::<Notified>::downgrade(&effect);
        let observer = AnySubscriber(Arc::as_ptr(&effect) as usize, weak);
        let (which, first, second) = (ArcRwSignal::new(true), ArcRwSignal::new(1), ArcRwSignal::new(2));
        let relay = Arc::new(Relay::default());
        let run = || observer.with_observer(|| relay.run(&mut || if which.get() { first.get() } else { second.get() }));
        // A signal holds its subscriber weakly.
        assert_eq!((run(), Arc::weak_count(&relay)), (1, 2));
        first.set(10);
        assert_eq!((run(), Arc::weak_count(&relay), effect.0.load(Ordering::Relaxed)), (10, 2, 1));
        which.set(false);
        assert_eq!((run(), Arc::weak_count(&relay)), (2, 2));
        first.set(100);
        assert_eq!(effect.0.load(Ordering::Relaxed), 2, "the first signal is no longer read");
        relay.unsubscribe();
        assert_eq!(Arc::weak_count(&relay), 0);
        second.set(20);
        assert_eq!(effect.0.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_memo_unsubscribes_when_its_owner_is_cleaned_up() {
        let (signal, owner) = (ArcRwSignal::new(1), Owner::new());
        let of = signal.clone();
        let memo = owner.with(|| shared_memo(Box::new(move || of.get())));
        assert_eq!(memo.get_untracked(), 1);
        signal.set(2);
        assert_eq!(memo.get_untracked(), 2);
        owner.cleanup();
        signal.set(3);
        assert_eq!(memo.get_untracked(), 2, "it is not notified any more");
    }
}
