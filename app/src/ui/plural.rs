//! Which form of a word a number takes. The rules are CLDR's on both sides: ICU's on the server, the
//! browser's own in the browser, which would otherwise download them.

use crate::i18n::Locale;
use leptos_i18n::Locale as _;

/// The plural forms of the interface's languages. A locale file has each of them for every counted word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    One,
    Few,
    Many,
}

/// The form of a whole number. What English calls "other" is `Many`; in Russian only fractions are "other".
#[cfg(feature = "ssr")]
#[must_use]
pub fn form(locale: Locale, count: u64) -> Form {
    use icu_plurals::{PluralCategory, PluralRules};
    let rules = PluralRules::try_new_cardinal(locale.as_icu_locale().into());
    match rules.map(|rules| rules.category_for(count)) {
        Ok(PluralCategory::One) => Form::One,
        Ok(PluralCategory::Few) => Form::Few,
        _ => Form::Many,
    }
}

#[cfg(not(feature = "ssr"))]
#[must_use]
pub fn form(locale: Locale, count: u64) -> Form {
    use js_sys::{Array, Intl, Object};
    let languages = Array::of1(&locale.as_str().into());
    let category = Intl::PluralRules::new(&languages, &Object::new()).select(count as f64);
    match String::from(category).as_str() {
        "one" => Form::One,
        "few" => Form::Few,
        _ => Form::Many,
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
            (Locale::en, 0, Form::Many),
            (Locale::en, 1, Form::One),
            (Locale::en, 21, Form::Many),
            (Locale::ru, 0, Form::Many),
            (Locale::ru, 1, Form::One),
            (Locale::ru, 3, Form::Few),
            (Locale::ru, 5, Form::Many),
            (Locale::ru, 11, Form::Many),
            (Locale::ru, 21, Form::One),
            (Locale::ru, 112, Form::Many),
        ] {
            assert_eq!(form(locale, count), expected, "{locale:?} {count}");
        }
    }
}
