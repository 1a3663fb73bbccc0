//! The confirmation before a form that cannot be undone. A button named `confirm` has the question as its value. With
//! JavaScript, `public/controls.js` asks in the dialog before it sends the form. Without JavaScript the server sees the
//! field `confirm` and renders the page again, with the dialog open.

use super::{
    reactive::Reactive,
    words::{Words, t},
};
use crate::i18n::use_i18n;
use leptos::prelude::*;

/// The button of such a form. The question names the object, as "Leave “Choir”?".
#[component]
pub fn ConfirmButton(
    question: Reactive<String>,
    /// The name of the action, as the dialog repeats it.
    label: Words,
    #[prop(default = "button danger")] class: &'static str,
    /// The content of the button, if it is not the label alone.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <input type="hidden" name="label" value=label.clone() />
        <button class=class name="confirm" value=question>{children.map_or_else(|| label.into_any(), |content| content())}</button>
    }
    .into_any()
}

/// The dialog, once in every page. It focuses "Cancel".
#[component]
pub fn Confirmation() -> impl IntoView {
    let i18n = use_i18n();
    let Asked { action, question, label, fields } = asked();
    let is_open = !action.is_empty();
    // Without a question from the server, the buttons only close the dialog.
    let closes = (!is_open).then_some("dialog");
    view! {
        <dialog id="confirm" class="dialog" aria-labelledby="question" open=is_open>
            <form method="post" action=action class="stack">
                <h2 id="question" inner_html=question></h2>
                <div hidden inner_html=fields></div>
                <div class="choices">
                    <button class="button" formmethod="dialog" autofocus>{t!(i18n, cancel)}</button>
                    <button class="button danger" formmethod=closes value="yes" inner_html=label></button>
                </div>
            </form>
        </dialog>
    }
    .into_any()
}

/// A form that waits for its confirmation, as HTML.
#[derive(Clone, Default)]
pub struct Asked {
    action: String,
    question: String,
    label: String,
    /// The other fields of the form.
    fields: String,
}

#[cfg(feature = "ssr")]
impl Asked {
    /// The question of a form; none if the form has none, or has been confirmed.
    #[must_use]
    pub fn of(action: &str, values: &[(String, String)]) -> Option<Self> {
        let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
        let value = |name: &str| values.iter().find(|(other, _)| other == name).map(|(_, value)| escaped(value));
        let field = |(name, value): &(String, String)| {
            format!(r#"<input type="hidden" name="{}" value="{}">"#, escaped(name), escaped(value))
        };
        let others = values.iter().filter(|(name, _)| !matches!(name.as_str(), "confirm" | "label"));
        Some(Self {
            action: action.to_owned(),
            question: value("confirm")?,
            label: value("label")?,
            fields: others.map(field).collect(),
        })
    }
}

#[cfg(feature = "ssr")]
fn asked() -> Asked {
    use_context().unwrap_or_default()
}

/// Hydration leaves the content of the server's dialog as it is.
#[cfg(not(feature = "ssr"))]
fn asked() -> Asked {
    Asked::default()
}

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::Asked;

    #[test]
    fn a_form_with_a_question_is_repeated_without_it() {
        let values = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
        };
        assert!(Asked::of("/fn/a", &values(&[("chat_id", "1")])).is_none());
        let form =
            values(&[("chat_id", "1"), ("label", "Leave"), ("confirm", "Leave <b>\"A & B\"</b>?"), ("q", "\"><i>")]);
        let asked = Asked::of("/fn/a", &form).unwrap();
        assert_eq!((&*asked.action, &*asked.label), ("/fn/a", "Leave"));
        assert_eq!(asked.question, "Leave &lt;b>&quot;A &amp; B&quot;&lt;/b>?");
        assert_eq!(
            asked.fields,
            r#"<input type="hidden" name="chat_id" value="1"><input type="hidden" name="q" value="&quot;>&lt;i>">"#
        );
    }
}
