use leptos::prelude::*;

/// A line drawing of 24 units, coloured as the text around it, hidden from readers.
#[component]
pub fn Icon(
    /// The outline.
    d: &'static str,
) -> impl IntoView {
    view! {
        <svg aria-hidden="true" class="icon" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">
            <path d=d />
        </svg>
    }
    .into_any()
}

/// The outlines in use.
pub mod outline {
    pub const BACK: &str = "M15 18l-6-6 6-6";
    pub const SLIDERS: &str = "M4 6h8M18 6h2M15 3v6M4 12h2M12 12h8M9 9v6M4 18h8M18 18h2M15 15v6";
    pub const NEW: &str = "M12 20h9M16.5 3.5a2.1 2.1 0 0 1 3 3L7 19l-4 1 1-4z";
    pub const SEND: &str = "M22 2L11 13M22 2l-7 20-4-9-9-4z";
    pub const CLOCK: &str = "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3 2";
    pub const TICK: &str = "M5 13l4 4L19 7";
    pub const TICKS: &str = "M2 13l4 4L16 7M12 16l1 1L23 7";
    pub const ALERT: &str = "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 8v5M12 16v.01";
    pub const DOWN: &str = "M6 9l6 6 6-6";
    pub const PEOPLE: &str = "M17 21v-2a4 4 0 0 0-4-4H6a4 4 0 0 0-4 4v2M9.5 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM22 21v-2a4 4 0 0 0-3-3.9M16 3.1a4 4 0 0 1 0 7.8";
}
