use super::{Icon, outline, words::Words};
use crate::i18n::use_i18n;
use crate::ui::effect;
use crate::ui::t;
use leptos::{html, prelude::*};

/// A modal dialog. It is the browser's `<dialog>`, which traps the focus, closes on Escape and restores the focus.
/// Without JavaScript it is open in the page, and the link `back` closes it.
#[component]
pub fn Dialog(
    title: Words,
    #[prop(into)] on_close: Callback<()>,
    #[prop(optional, into)] back: String,
    #[prop(default = "dialog")] class: &'static str,
    children: Children,
) -> impl IntoView {
    let i18n = use_i18n();
    let dialog = NodeRef::<html::Dialog>::new();
    let opened = StoredValue::new_local(None::<web_sys::HtmlDialogElement>);
    effect(move || {
        if let Some(dialog) = dialog.get() {
            dialog.close();
            let _ = dialog.show_modal();
            opened.set_value(Some(dialog));
        }
    });
    // Closing restores the focus; removing an open dialog does not.
    on_cleanup(move || {
        opened.try_with_value(|dialog| dialog.as_ref().map(web_sys::HtmlDialogElement::close));
    });
    let close = move |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        on_close.run(());
    };
    view! {
        <dialog open class=class node_ref=dialog aria-label=title.clone() on:cancel=move |_: web_sys::Event| on_close.run(())>
            <h2 class="title">{title.clone()}</h2>
            {children()}
            // The last control, because a dialog focuses its first.
            <a class="icon-button dialog-close" href=back aria-label=t!(i18n, close) on:click=close><Icon d=outline::CLOSE /></a>
        </dialog>
    }
    .into_any()
}
