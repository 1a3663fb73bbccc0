//! The state of a refused form, for its fields and messages.

use leptos::prelude::*;
use protocol::{error::ApiError, ids::ClientId};
use serde::Serialize;

/// The forms of a page.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Forms {
    pub refused: Option<Refused>,
    /// The idempotency key of the forms in this rendering: a form that is posted twice is stored once.
    pub client_id: Option<ClientId>,
}

protocol::rows! { Forms { refused, client_id } }

/// A form that was refused, with its values.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Refused {
    /// The last segment of its action.
    pub form: String,
    pub error: ApiError,
    pub values: Vec<(String, String)>,
}

protocol::rows! { Refused { form, error, values } }

impl Forms {
    /// The forms of the page that is shown, as the app provides them.
    #[must_use]
    pub fn current() -> RwSignal<Self> {
        expect_context()
    }

    /// A form, if it was refused.
    #[must_use]
    pub fn refused(&self, form: &str) -> Option<&Refused> {
        self.refused.as_ref().filter(|refused| refused.form == form)
    }

    /// The user changes a refused field: its problem is gone.
    pub fn correct(&mut self, field: &str) {
        let Some(refused) = &mut self.refused else { return };
        refused.error.fields.remove(field);
        if refused.error.fields.is_empty() {
            self.refused = None;
        }
    }
}

impl Refused {
    /// The value of a field.
    #[must_use]
    pub fn value(&self, field: &str) -> Option<&str> {
        self.values.iter().find(|(name, _)| name == field).map(|(_, value)| value.as_str())
    }
}
