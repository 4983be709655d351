//! Clerks and their history: what the stories of parts 3A and 3B are made of.

mod appends;
mod book;
mod clerk;
mod judge;
mod load;
mod stories;

pub use appends::{append_text, check_appends};
pub use book::Book;
pub use clerk::Clerk;
pub use load::Load;

pub(crate) use judge::{findings, judge};
