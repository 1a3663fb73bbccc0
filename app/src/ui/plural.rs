//! The form of a word that a number takes, by the rules of CLDR.

use crate::i18n::Locale;

/// The plural forms of the interface's languages. A locale file has each of them for every counted word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    One,
    Few,
    Many,
}

/// The form of a whole number. What English calls "other" is `Many`; in Russian only fractions are "other".
#[must_use]
pub fn form(locale: Locale, count: u64) -> Form {
    match (locale, count % 10, count % 100) {
        (Locale::En, ..) if count == 1 => Form::One,
        (Locale::En, ..) | (Locale::Ru, _, 11..=14) => Form::Many,
        (Locale::Ru, 1, _) => Form::One,
        (Locale::Ru, 2..=4, _) => Form::Few,
        (Locale::Ru, ..) => Form::Many,
    }
}

/// The words for a number: `counted!(i18n, groups.members_count, count, count = move || count)`. The arguments
/// after the number fill the placeholders.
macro_rules! counted {
    ($i18n:ident, $($key:ident).+, $count:expr $(, $($blanks:tt)*)?) => {
        match $crate::ui::plural::form($i18n.get_locale(), $count) {
            $crate::ui::plural::Form::One => t!($i18n, $($key).+.one $(, $($blanks)*)?).into_any(),
            $crate::ui::plural::Form::Few => t!($i18n, $($key).+.few $(, $($blanks)*)?).into_any(),
            $crate::ui::plural::Form::Many => t!($i18n, $($key).+.many $(, $($blanks)*)?).into_any(),
        }
    };
}
pub(crate) use counted;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_their_languages_forms() {
        for (locale, count, expected) in [
            (Locale::En, 0, Form::Many),
            (Locale::En, 1, Form::One),
            (Locale::En, 2, Form::Many),
            (Locale::En, 21, Form::Many),
            (Locale::Ru, 0, Form::Many),
            (Locale::Ru, 1, Form::One),
            (Locale::Ru, 3, Form::Few),
            (Locale::Ru, 5, Form::Many),
            (Locale::Ru, 11, Form::Many),
            (Locale::Ru, 14, Form::Many),
            (Locale::Ru, 21, Form::One),
            (Locale::Ru, 104, Form::Few),
            (Locale::Ru, 111, Form::Many),
            (Locale::Ru, 112, Form::Many),
        ] {
            assert_eq!(form(locale, count), expected, "{locale:?} {count}");
        }
    }
}
