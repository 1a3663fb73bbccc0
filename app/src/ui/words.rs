//! Words of the locale files in views, and numbers among them.

use leptos::tachys::reactive_graph::SharedReactiveFunction;
use std::sync::{Arc, Mutex};

/// Words that follow the reader's language. All are of one type, because each closure type that a view
/// holds costs the browser's download the code that draws it.
pub type Words = SharedReactiveFunction<&'static str>;

pub fn follow(words: impl FnMut() -> &'static str + Send + 'static) -> Words {
    Arc::new(Mutex::new(words))
}

/// The words of a key: `t!(i18n, chat.send)`, as `Words`; with blanks to fill, as leptos_i18n has it.
macro_rules! t {
    ($i18n:ident, $($key:ident).+) => {
        $crate::ui::words::follow(move || $crate::i18n::t_string!($i18n, $($key).+))
    };
    ($i18n:ident, $($key:ident).+, $($blanks:tt)+) => {
        $crate::i18n::t!($i18n, $($key).+, $($blanks)+)
    };
}
pub(crate) use t;
