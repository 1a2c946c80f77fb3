//! Answers over HTTP: a page for people who would rather look, and what it asks for, as JSON.
//!
//! The data's way: [`routes`] takes a request that the guard of `archiver::http` lets in, with its [`parameters`]. They
//! become a [`question`]: a definition, as flags or a file would say it. It waits for its [`turns`], opens what it asks
//! ([`opening`], by [`catalog`] and [`known_columns`]), and is answered ([`answers`]). What can't be answered is a [`problem`].
//! `openapi.json` describes all of it.
//!
//! Nothing here changes anything. What a request may cost is bounded: its time, its memory, its rows, and how many are
//! answered at once. No SQL is taken from outside unless that is allowed.

mod analyses;
mod answers;
mod catalog;
mod known_columns;
mod limits;
mod models;
mod opening;
mod page;
mod parameters;
mod problem;
mod question;
mod routes;
mod turns;

#[cfg(test)]
mod tests;

pub use analyses::Analyses;
pub use catalog::Catalog;
pub use limits::Limits;
pub use models::Models;
pub use routes::Routes;
