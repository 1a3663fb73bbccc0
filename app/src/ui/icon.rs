use leptos::prelude::*;

/// A line drawing of 24 units, in the colour of the text around it, hidden from screen readers.
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
    pub const GEAR: &str = "M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM10.3 3.4h3.4l.5 2.6 1.9 1.1 2.5-.9 1.7 3-2 1.7v2.2l2 1.7-1.7 3-2.5-.9-1.9 1.1-.5 2.6h-3.4l-.5-2.6-1.9-1.1-2.5.9-1.7-3 2-1.7v-2.2l-2-1.7 1.7-3 2.5.9 1.9-1.1z";
    pub const NEW: &str = "M12 20h9M16.5 3.5a2.1 2.1 0 0 1 3 3L7 19l-4 1 1-4z";
    pub const SEND: &str = "M22 2L11 13M22 2l-7 20-4-9-9-4z";
    pub const CLOCK: &str = "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3 2";
    pub const TICK: &str = "M5 13l4 4L19 7";
    pub const TICKS: &str = "M2 13l4 4L16 7M12 16l1 1L23 7";
    pub const ALERT: &str = "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 8v5M12 16v.01";
    pub const DOWN: &str = "M6 9l6 6 6-6";
    pub const CLOSE: &str = "M6 6l12 12M18 6L6 18";
    pub const MORE: &str = "M5 12h.01M12 12h.01M19 12h.01";
    pub const SMILE: &str = "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM8 14s1.5 2 4 2 4-2 4-2M9 9h.01M15 9h.01";
    pub const REPLY: &str = "M9 14L4 9l5-5M4 9h10a6 6 0 0 1 6 6v4";
    pub const FORWARD: &str = "M15 14l5-5-5-5M20 9H10a6 6 0 0 0-6 6v4";
    pub const BIN: &str = "M4 7h16M10 11v6M14 11v6M6 7l1 13h10l1-13M9 7V4h6v3";
    pub const EYE: &str = "M2 12s4-7 10-7 10 7 10 7-4 7-10 7-10-7-10-7zM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6z";
    pub const COPY: &str = "M9 9h11v11H9zM5 15H4V4h11v1";
    pub const LINK: &str = "M10 14a4 4 0 0 0 6 .5l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6-.5l-3 3a4 4 0 0 0 6 6l1-1";
    pub const CHECK: &str = "M4 4h16v16H4zM8 12l3 3 5-6";
    pub const PIN: &str = "M12 17v5M7 4h10l-1 7 3 3H5l3-3z";
    pub const MUTED: &str = "M3 3l18 18M18 13V9a6 6 0 0 0-10-4M6 9v5l-2 3h13M10 20a2 2 0 0 0 4 0";
    pub const ARCHIVE: &str = "M4 4h16v4H4zM5 8v12h14V8M10 12h4";
    pub const LEAVE: &str = "M14 4h5v16h-5M9 8l-4 4 4 4M5 12h9";
    pub const UNREAD: &str = "M12 17a5 5 0 1 0 0-10 5 5 0 0 0 0 10z";
    pub const CALENDAR: &str = "M4 6h16v15H4zM4 10h16M8 3v4M16 3v4";
    pub const INFO: &str = "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5M12 8v.01";
    pub const SEARCH: &str = "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l5 5";
    pub const PERSON: &str = "M20 21a8 8 0 0 0-16 0M12 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8z";
    pub const LOCK: &str = "M6 11h12v10H6zM8 11V7a4 4 0 0 1 8 0v4";
    pub const DEVICE: &str = "M3 5h18v12H3zM8 21h8";
    pub const BELL: &str = "M6 16V10a6 6 0 0 1 12 0v6l2 2H4zM10 21h4";
    pub const CONTRAST: &str = "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 3v18M12 8h7M12 12h9M12 16h7";
    pub const GLOBE: &str = "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM3 12h18M12 3c4 4 4 14 0 18M12 3c-4 4-4 14 0 18";
    pub const PEOPLE: &str = "M17 21v-2a4 4 0 0 0-4-4H6a4 4 0 0 0-4 4v2M9.5 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM22 21v-2a4 4 0 0 0-3-3.9M16 3.1a4 4 0 0 1 0 7.8";
}
