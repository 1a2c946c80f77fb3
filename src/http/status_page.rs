//! The server of what archives: the status page, in a thread that goes after it.

use std::io;

use rustix::process::setpriority_process;
use tokio::runtime::Handle;

use super::listener::Bound;
use super::pulse::Pulse;
use super::routes::Routes;
use super::server::Server;
use super::source::Source;

/// What archives goes first.
const NICE: i32 = 10;

/// Begins to answer with the status page. Must be called within the runtime that archives, whose health is told.
///
/// # Errors
///
/// If the system has no thread for it.
pub fn serve(bound: Bound, source: Source) -> io::Result<Server> {
    let (pulse, engine) = (Pulse::default(), Handle::current());
    let http = bound.http.clone();
    let listen = http.listen.clone();
    let routes = Routes::new(http, source, pulse.clone());
    let server = bound.serve(routes, async move {
        // Of this thread alone, and of those that it starts. Where it fails, archiving shares the processors with it.
        let _ = setpriority_process(None, NICE);
        pulse.feel(engine).await;
    })?;
    tracing::info!("answering on {listen}");
    Ok(server)
}
