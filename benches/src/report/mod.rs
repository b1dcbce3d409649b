//! The results for people (a table in the terminal, a page with charts) and for programs (JSON).

mod about;
pub mod html;
pub mod json;
pub mod page;
pub mod svg;
pub mod table;

pub use self::about::About;
