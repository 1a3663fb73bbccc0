//! The server's side of the pages: the reader, the data of a page, its rendering, its forms and cookies.

mod caller;
mod cookies;
mod forms;
mod load;
mod render;
mod zone;

pub use crate::{seed::Failed, ui::Asked};
pub use caller::{Request, answer, refuse, request, signed_in};
pub use cookies::{remember, sign_in_browser, sign_out_browser};
pub use forms::{after_sign_in, numbers, page_of, redirect};
pub use load::{Loaded, failed, load, load_next, locale, refused_on, worded};
pub use render::{render, shell};
