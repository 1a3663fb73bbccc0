use super::{
    effect,
    form::Forms,
    reactive,
    show::Show,
    words::{I18n, Words, t, words},
};
use crate::i18n::{Text, texts, use_i18n};
use leptos::prelude::*;
use protocol::error::ErrorCode;

/// A labelled input. After a refusal it shows its value again, and the reason.
#[component]
pub fn Field(
    /// The last segment of the form's action.
    form: &'static str,
    name: &'static str,
    label: Words,
    #[prop(optional)] hint: Option<Words>,
    #[prop(default = "text")] kind: &'static str,
    #[prop(optional)] autocomplete: &'static str,
    /// The initial value.
    #[prop(optional, into)]
    value: Signal<String>,
    #[prop(default = 256)] maxlength: usize,
    #[prop(optional)] multiline: bool,
    #[prop(optional)] required: bool,
) -> impl IntoView {
    let forms = Forms::current();
    let typed = forms.with_untracked(|forms| forms.refused(form)?.value(name).map(str::to_owned));
    let is_refused =
        move |forms: &Forms| forms.refused(form).is_some_and(|refused| refused.error.fields.contains_key(name));
    // On the page of a refused form, the browser focuses the first of these fields.
    let autofocus = forms.with_untracked(|forms| {
        let is_form_refused = forms.refused(form).is_some_and(|refused| refused.error.fields.is_empty());
        is_refused(forms) || is_form_refused && kind == "password"
    });
    // The problem concerns the previous value.
    let on_input = move |_: leptos::ev::Event| {
        if forms.with_untracked(is_refused) {
            forms.update(|forms| forms.correct(name));
        }
    };
    let value = move || typed.clone().unwrap_or_else(|| value.get());
    let problem = move || forms.with(|forms| forms.refused(form)?.error.fields.get(name).cloned());
    let (id, hint_id, problem_id) =
        (format!("{form}-{name}"), format!("{form}-{name}-hint"), format!("{form}-{name}-problem"));
    let described = {
        let (hint_id, problem_id, hinted) = (hint_id.clone(), problem_id.clone(), hint.is_some());
        move || match (hinted, problem().is_some()) {
            (true, true) => Some(format!("{problem_id} {hint_id}")),
            (true, false) => Some(hint_id.clone()),
            (false, true) => Some(problem_id.clone()),
            (false, false) => None,
        }
    };
    let invalid = move || problem().map(|_| "true");
    let input = if multiline {
        view! {
            <textarea id=id.clone() name=name rows="3" maxlength=maxlength required=required class="input"
                autofocus=autofocus aria-describedby=described aria-invalid=invalid on:input=on_input>
                {initial_text(id.clone(), value)}
            </textarea>
        }
        .into_any()
    } else {
        view! {
            <input id=id.clone() name=name type=kind value=value maxlength=maxlength autocomplete=autocomplete required=required class="input"
                autocapitalize="none" spellcheck="false" autofocus=autofocus aria-describedby=described aria-invalid=invalid on:input=on_input />
        }
        .into_any()
    };
    view! {
        <div class="field">
            <label for=id>{label}</label>
            {input}
            <Show when=move || problem().is_some()>
                <p id=problem_id.clone() class="problem"><ProblemWords name=Signal::derive(move || problem().unwrap_or_default()) /></p>
            </Show>
            {hint.map(|hint| view! { <p id=hint_id class="hint">{hint}</p> })}
        </div>
    }
    .into_any()
}

/// The initial text of a `textarea`, which changes with `value` until the first input: from then on, the browser shows
/// the typed text.
fn initial_text(field_id: String, value: impl Fn() -> String + 'static) -> String {
    let initial = untrack(&value);
    effect(move || {
        let (field, value) = (document().get_element_by_id(&field_id), value());
        if let Some(field) = field.filter(|field| field.text_content().as_ref() != Some(&value)) {
            field.set_text_content(Some(&value));
        }
    });
    initial
}

/// The reason why a form was refused, unless it concerns a field: the server's sentence, or words for its code.
#[component]
pub fn FormError(form: &'static str) -> impl IntoView {
    let i18n = use_i18n();
    let forms = Forms::current();
    let refused = move || {
        forms.with(|forms| {
            let refused = forms.refused(form).filter(|refused| refused.error.fields.is_empty());
            refused.map(|refused| (refused.error.code, refused.error.message.clone()))
        })
    };
    let words = move || {
        let (code, sentence) = refused()?;
        Some(if sentence.is_empty() { error_words(i18n, code).into_any() } else { sentence.into_any() })
    };
    view! {
        <Show when=move || refused().is_some()>
            <p class="problem" role="alert">{reactive(words)}</p>
        </Show>
    }
    .into_any()
}

/// The words for an error code.
pub fn error_words(i18n: I18n, code: ErrorCode) -> Words {
    words(i18n, error_text(code))
}

pub fn error_text(code: ErrorCode) -> Text {
    match code {
        ErrorCode::Unauthenticated => texts::errors::unauthenticated,
        ErrorCode::Forbidden => texts::errors::forbidden,
        ErrorCode::NotFound => texts::errors::not_found,
        ErrorCode::Conflict => texts::errors::conflict,
        ErrorCode::RateLimited => texts::errors::rate_limited,
        ErrorCode::Unavailable => texts::errors::unavailable,
        _ => texts::errors::other,
    }
}

#[component]
fn ProblemWords(name: Signal<String>) -> impl IntoView {
    let i18n = use_i18n();
    view! {
        {reactive(move || match name.get().as_str() {
            "required" => t!(i18n, problems.required),
            "too_short" => t!(i18n, problems.too_short),
            "too_long" => t!(i18n, problems.too_long),
            "characters" => t!(i18n, problems.characters),
            "common_password" => t!(i18n, problems.common_password),
            "wrong_password" => t!(i18n, problems.wrong_password),
            "unchanged" => t!(i18n, problems.unchanged),
            "taken" => t!(i18n, problems.taken),
            "unknown" => t!(i18n, problems.unknown),
            "too_many" => t!(i18n, problems.too_many),
            _ => t!(i18n, problems.malformed),
        })}
    }
}
