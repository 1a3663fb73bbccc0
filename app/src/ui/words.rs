//! Words of the locale files in views, and the reactive types that views share.

use crate::i18n::Locale;
use leptos::{prelude::*, tachys::reactive_graph::SharedReactiveFunction};
use std::sync::{Arc, Mutex};

/// A value that a view renders again when its signals change. One type for each `T`: for every closure type in a
/// view the download would contain another copy of the rendering code.
pub type Follow<T> = SharedReactiveFunction<T>;

/// The reader's language, and its words.
pub type I18n = leptos_i18n::I18nContext<Locale>;

/// Words that follow the reader's language.
pub type Words = Follow<&'static str>;

pub fn follow<T>(of: impl FnMut() -> T + Send + 'static) -> Follow<T> {
    Arc::new(Mutex::new(of))
}

/// The words of a key: `t!(i18n, chat.send)` as `Words`; with placeholders as `leptos_i18n::t!` returns them.
macro_rules! t {
    ($i18n:ident, $($key:ident).+) => {
        $crate::ui::words::follow(move || $crate::i18n::t_string!($i18n, $($key).+))
    };
    ($i18n:ident, $($key:ident).+, $($blanks:tt)+) => {
        $crate::i18n::t!($i18n, $($key).+, $($blanks)+)
    };
}
pub(crate) use t;

/// A memo of a boxed closure: see `Follow`.
pub fn memo<T: PartialEq + Send + Sync + 'static>(of: impl Fn() -> T + Send + Sync + 'static) -> Memo<T> {
    memo_of(Arc::new(of))
}

fn memo_of<T: PartialEq + Send + Sync + 'static>(of: Arc<dyn Fn() -> T + Send + Sync>) -> Memo<T> {
    Memo::new(move |_| of())
}

/// Runs now and after each change of the signals it reads; in the browser only. See `Follow`.
pub fn effect(run: impl FnMut() + 'static) {
    run_of(Box::new(run));
}

fn run_of(mut run: Box<dyn FnMut()>) {
    Effect::new(move |_| run());
}

/// The same, with the result of the previous run.
pub fn effect_from<T: 'static>(mut run: impl FnMut(Option<T>) -> T + 'static) {
    let mut before = None;
    effect(move || before = Some(run(before.take())));
}
