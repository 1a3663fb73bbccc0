//! Sign-in, registration, the password and the sessions.

mod api;
pub mod page;

use crate::{
    address::{Address, Next, Section},
    i18n::{t_string, use_i18n},
    live::{Store, forget_everything},
    navigation::Navigation,
    seed::Page,
    settings::LanguageForm,
    ui::{ConfirmButton, Field, For, FormError, Forms, Show, TitledSection, memo, reactive, t, time, words::Words},
};
use leptos::{prelude::*, server_fn::ServerFn};
use leptos_meta::Title;
use protocol::reducer::Part;

pub use api::SignOut;

#[component]
pub fn LoginPage() -> impl IntoView {
    let i18n = use_i18n();
    let ended = Store::current().page.with_untracked(|page| matches!(page, Page::Ended));
    let next = next();
    view! {
        <Title text=move || t_string!(i18n, auth.sign_in) />
        <Welcome title=t!(i18n, auth.welcome)>
            {ended.then(|| view! { <p role="status">{t!(i18n, auth.ended)}</p> })}
            <form method="post" action=api::SignIn::url() class="stack">
                <NextField next=next.clone() />
                <FormError form="sign_in" />
                <Field form="sign_in" name="login" label=t!(i18n, auth.username) autocomplete="username" />
                <Field form="sign_in" name="password" kind="password" label=t!(i18n, auth.password) autocomplete="current-password" />
                <button class="button primary">{t!(i18n, auth.sign_in)}</button>
            </form>
            <p class="aside">{t!(i18n, auth.no_account)} " " <a href=Address::Register(next).href()>{t!(i18n, auth.create_account)}</a></p>
        </Welcome>
    }
    .into_any()
}

#[component]
pub fn RegisterPage() -> impl IntoView {
    let i18n = use_i18n();
    let next = next();
    view! {
        <Title text=move || t_string!(i18n, auth.create_account) />
        <Welcome title=t!(i18n, auth.join)>
            <form method="post" action=api::Register::url() class="stack">
                <NextField next=next.clone() />
                <FormError form="register" />
                <Field form="register" name="username" maxlength=32 autocomplete="username"
                    label=t!(i18n, auth.username)
                    hint=t!(i18n, auth.username_hint) />
                <Field form="register" name="display_name" maxlength=64 autocomplete="name"
                    label=t!(i18n, auth.display_name)
                    hint=t!(i18n, auth.display_name_hint) />
                <Field form="register" name="password" kind="password" autocomplete="new-password"
                    label=t!(i18n, auth.password)
                    hint=t!(i18n, auth.password_hint) />
                <button class="button primary">{t!(i18n, auth.create_account)}</button>
            </form>
            <p class="aside">{t!(i18n, auth.have_account)} " " <a href=Address::Login(next).href()>{t!(i18n, auth.sign_in)}</a></p>
        </Welcome>
    }
    .into_any()
}

/// The frame of the pages for visitors: the product beside a form.
#[component]
fn Welcome(title: Words, children: Children) -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <main id="main" class="welcome">
            <div class="brand">
                <img class="mark" src="/icon.svg" alt="" />
                <p class="name">"Messenger"</p>
                <p>{t!(i18n, auth.tagline)}</p>
            </div>
            <div class="card">
                <h1>{title}</h1>
                {children()}
                <LanguageForm />
            </div>
        </main>
    }
    .into_any()
}

/// The page that the current address asks for after the sign-in.
fn next() -> Next {
    match Navigation::current().get_untracked() {
        Some(Address::Login(next) | Address::Register(next)) => next,
        _ => None,
    }
}

#[component]
fn NextField(next: Next) -> impl IntoView {
    next.map(|next| view! { <input type="hidden" name="next" value=next.href() /> })
}

/// The password, and the sign-out.
#[component]
pub fn SecurityPage() -> impl IntoView {
    let i18n = use_i18n();
    let refused = Forms::current().with_untracked(|forms| forms.refused.is_some());
    let address = Navigation::current().get_untracked();
    let saved = !refused && address == Some(Address::Settings(Section::PasswordChanged));
    view! {
        <TitledSection title=move || t_string!(i18n, settings.security)>
            <form method="post" action=api::ChangePassword::url() class="stack">
                <h3>{t!(i18n, auth.change_password)}</h3>
                <FormError form="change_password" />
                {saved.then(|| view! { <p role="status">{t!(i18n, notices.saved)}</p> })}
                <Field form="change_password" name="current" kind="password" autocomplete="current-password"
                    label=t!(i18n, auth.current_password) />
                <Field form="change_password" name="new" kind="password" autocomplete="new-password"
                    label=t!(i18n, auth.new_password)
                    hint=t!(i18n, auth.password_hint) />
                <button class="button primary">{t!(i18n, auth.change_password)}</button>
            </form>
            <SignOutForm />
        </TitledSection>
    }
    .into_any()
}

/// The devices on which the reader is signed in.
#[component]
pub fn SessionsPage() -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let sessions = move || {
        store.page.with(|page| match page {
            Page::Sessions(page) => page.sessions.clone(),
            _ => Vec::new(),
        })
    };
    view! {
        <TitledSection title=move || t_string!(i18n, settings.sessions)>
            <section class="stack">
                <FormError form="revoke_session" />
                <ul class="rows">
                    <For each=sessions key=|session| session.id let:session>
                        <li class="row">
                            <span class="grow">
                                <span class="block truncate">{session.device.clone()}</span>
                                <span class="hint">
                                    {session.ip.clone()} " · "
                                    {reactive(move || time::full(i18n, session.last_used_at, &store.zone()))}
                                </span>
                            </span>
                            {if session.current {
                                view! { <span class="badge">{t!(i18n, auth.this_device)}</span> }.into_any()
                            } else {
                                let device = session.device.clone();
                                view! {
                                    <form method="post" action=api::RevokeSession::url()>
                                        <input type="hidden" name="session_id" value=session.id.to_string() />
                                        <ConfirmButton question=t!(i18n, auth.end_session_question, device = move || device.clone())
                                            label=t!(i18n, auth.end_session) class="button" />
                                    </form>
                                }.into_any()
                            }}
                        </li>
                    </For>
                </ul>
                <Show when=move || { sessions().len() > 1 }>
                    <form method="post" action=api::RevokeOtherSessions::url()>
                        <ConfirmButton question=reactive(move || t_string!(i18n, auth.end_others_question).to_owned()) label=t!(i18n, auth.end_others) />
                    </form>
                </Show>
            </section>
        </TitledSection>
    }
    .into_any()
}

/// Ends the session, after deleting the data that this device stored.
#[component]
pub fn SignOutForm() -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::current();
    let form = NodeRef::<leptos::html::Form>::new();
    let on_submit = move |event: leptos::ev::SubmitEvent| {
        // boot.js holds the form back until the server responds: offline, nothing is deleted.
        if !form.get_untracked().is_some_and(|form| form.has_attribute("data-reached")) {
            return;
        }
        event.prevent_default();
        // `submit()` fires no submit event, so the form does not ask again.
        forget_everything(move || {
            let _ = form.get_untracked().map(|form| form.submit());
        });
    };
    let unsent = memo(move || store.read(Part::Outbox, |state| state.outbox.len()));
    let asks = reactive(move || (unsent.get() > 0).then_some("confirm"));
    view! {
        <form node_ref=form method="post" action=SignOut::url() on:submit=on_submit>
            <input type="hidden" name="label" value=t!(i18n, auth.sign_out) />
            <button class="button" name=asks value=t!(i18n, auth.sign_out_unsent, count = move || unsent.get())>{t!(i18n, auth.sign_out)}</button>
        </form>
    }
    .into_any()
}
