//! What a server answers with.

use std::future::Future;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;

use super::answer::Answer;

/// Answers requests of any number of clients.
pub trait Service: Send + Sync + 'static {
    /// Answers a request, or refuses it.
    fn answer(&self, request: &Request<Incoming>) -> impl Future<Output = Answer> + Send;

    /// How long an answer may take to be made, if it isn't there at once.
    fn answer_most(&self) -> Duration;

    /// Is an answer made for a client that has ended its side as well? Some do so as soon as they have asked; others are
    /// gone, and nobody would read what takes long to be made.
    fn outlasts_client(&self) -> bool;
}
