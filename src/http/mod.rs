//! Answers over HTTP: the status page, metrics, health, and what `archiver status` asks.
//!
//! A [`Server`] runs in a thread of its own, with a runtime of its own, and answers with a [`Service`]. That of the status
//! page has less priority than what archives, and gets nothing but [`Source`]: so no request can act on an archive, or take
//! its threads. What a client can cost is bounded: connections, headers, the time of a request ([`connection`]), and how
//! often an answer is made anew ([`cached`]).
//!
//! The way of a request: [`listener`] accepts it, [`connection`] reads it, [`guard`] refuses it or not, [`routes`] finds
//! what answers, [`answer`] adds the headers that each answer has.

pub mod answer;
mod cached;
pub mod client;
mod connection;
pub mod guard;
mod kept;
mod listener;
mod page;
mod pulse;
mod ready;
mod routes;
mod server;
mod service;
mod source;
pub mod status_page;

pub use listener::{BindError, Bound};
pub use server::Server;
pub use service::Service;
pub use source::Source;
