//! The search for users.

use crate::{
    address::Address,
    i18n::use_i18n,
    live::Store,
    navigation::Navigation,
    seed::Page,
    ui::{More, effect, reactive, t},
};
#[cfg(feature = "hydrate")]
use crate::{address::encoded, live::load_page};
use leptos::prelude::*;
use protocol::{profiles::User, reducer::State};
use std::cmp::Reverse;

/// The number of users that are suggested before a search.
const SUGGESTED: usize = 20;

/// A search for users. It begins with the query in the address and the users in the page's data.
#[derive(Clone, Copy)]
pub struct Search {
    pub store: Store,
    query: RwSignal<String>,
    found: RwSignal<Found>,
    /// The users of the latest direct chats when the page was opened: rows must not move under the pointer.
    known: StoredValue<Vec<User>>,
}

/// The result of a search.
#[derive(Clone, Default, PartialEq)]
struct Found {
    query: String,
    people: Vec<User>,
    /// The cursor of the users after these.
    next: Option<String>,
    failed: bool,
}

impl Search {
    pub fn new() -> Self {
        let store = Store::current();
        let query = match Navigation::current().get_untracked() {
            Some(Address::NewChat { query } | Address::NewGroup { query, .. } | Address::Info { query, .. }) => query,
            _ => String::new(),
        };
        let found = store.page.with_untracked(|page| found_on(page, &query)).unwrap_or_default();
        let known = StoredValue::new(store.read_untracked(latest_peers));
        let search = Self { store, query: RwSignal::new(query.clone()), found: RwSignal::new(found), known };
        effect(move || {
            // When the page's data arrive, they do not replace the results of a newer query.
            if let Some(found) = store.page.with(|page| found_on(page, &query))
                && search.is_for(&query)
            {
                search.found.set(found);
            }
        });
        search
    }

    /// Whether the reader still searches for `query`. The page may be closed.
    fn is_for(self, query: &str) -> bool {
        self.query.try_with_untracked(|now| now == query) == Some(true)
    }

    /// The users found, without the reader.
    pub fn people(self) -> Vec<User> {
        let me = self.store.me();
        self.found.with(|found| found.people.iter().filter(|user| Some(user.id) != me).cloned().collect())
    }

    /// The users found. Before a search, those whom the reader writes to.
    pub fn suggested(self) -> Vec<User> {
        if self.query.with(|query| query.trim().is_empty()) { self.known.get_value() } else { self.people() }
    }

    /// Loads the first users that match, or those after a cursor.
    fn load(self, query: String, cursor: Option<String>) {
        self.query.set(query.clone());
        #[cfg(feature = "hydrate")]
        leptos::task::spawn_local(async move {
            let after = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let page = load_page::<User>(&format!("users?query={}{after}", encoded(&query))).await;
            // A later search may have finished first.
            if !self.is_for(&query) {
                return;
            }
            let failed = page.is_none();
            let (people, next) = page.map(|page| (page.items, page.next)).unwrap_or_default();
            // From now on, changes of these names arrive.
            self.store.change(|state| state.learn_all(people.clone()));
            self.found.update(|found| {
                if after.is_empty() || failed {
                    *found = Found { query, people, next, failed };
                } else {
                    found.people.extend(people);
                    found.next = next;
                }
            });
        });
        #[cfg(not(feature = "hydrate"))]
        let _ = cursor;
    }
}

/// The users of the latest direct chats that are not archived.
fn latest_peers(state: &State) -> Vec<User> {
    let mut chats: Vec<_> = state.chats.values().filter(|chat| !chat.summary.archived).collect();
    chats.sort_by_key(|chat| Reverse(state.active_at(chat)));
    chats.into_iter().filter_map(|chat| chat.summary.peer.clone()).take(SUGGESTED).collect()
}

fn found_on(page: &Page, query: &str) -> Option<Found> {
    let (people, next) = match page {
        Page::New(new) => (&new.found, new.next.clone()),
        Page::Info(info) => (&info.found, None),
        _ => return None,
    };
    Some(Found { query: query.to_owned(), people: people.clone(), next, failed: false })
}

/// Finds users while the reader types; without JavaScript, when the form is sent.
#[component]
pub fn SearchField(search: Search, #[prop(optional)] with_button: bool) -> impl IntoView {
    let i18n = use_i18n();
    let query = search.query.get_untracked();
    let look = move |event| search.load(event_target_value(&event), None);
    // The results are on the page already: Enter must not send the form around the field.
    let press = move |event: leptos::ev::KeyboardEvent| {
        if event.key() == "Enter" {
            event.prevent_default();
        }
    };
    view! {
        <div class="field">
            <label for="search">{t!(i18n, search)}</label>
            <div class="row">
                <input id="search" type="search" name="q" value=query class="input grow" maxlength="64" autocomplete="off" spellcheck="false"
                    placeholder=t!(i18n, groups.find_hint) on:input=look on:keydown=press />
                {if with_button {
                    view! { <button class="button only-without-script" formmethod="get" formaction=Address::NEW_CHAT.href() formnovalidate>{t!(i18n, search)}</button> }.into_any()
                } else {
                    view! { <button class="button only-without-script">{t!(i18n, search)}</button> }.into_any()
                }}
            </div>
        </div>
    }
    .into_any()
}

/// The end of the list of users found: the button for more, or the reason why the list is empty.
#[component]
pub fn FoundEnd(search: Search, to: Address) -> impl IntoView {
    let i18n = use_i18n();
    let why = move || {
        let nobody = search.people().is_empty();
        search.found.with(|found| {
            let is_answered = search.query.with(|query| *query == found.query && !query.trim().is_empty());
            match (is_answered, found.failed) {
                (true, true) => Some(t!(i18n, errors.unavailable)),
                (true, false) if nobody => Some(t!(i18n, groups.nobody)),
                _ => None,
            }
        })
    };
    let next = Signal::derive(move || search.found.with(|found| found.next.clone()));
    let load = Callback::new(move |cursor| search.load(search.query.get_untracked(), Some(cursor)));
    view! {
        <More next load action=to.href() />
        {reactive(move || why().map(|why| view! { <p class="text-muted" role="status">{why}</p> }))}
    }
    .into_any()
}
