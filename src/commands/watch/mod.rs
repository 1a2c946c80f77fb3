//! `archiver watch`: records of some topics as they come, for people and for pipes. Nothing is stored, nothing committed.
//!
//! Each topic is read as an archive reads its own: through clients that all share, into an inbox. All are printed by one
//! thread, so lines are whole.

mod args;
mod begin;
mod document;
mod lines;
mod pattern;
mod printer;
mod reading;
mod safe;
mod times;
mod tokens;
mod topic_life;
mod topics;
mod watched;

use std::cell::RefCell;
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{MissedTickBehavior, interval};

use crate::cli::Common;
use crate::logging;
use crate::terminal::{Closed, Output, Stalled};
use crate::world::shutdown::Shutdown;

pub use args::Args;
use printer::Printer;
use topics::Topics;
use watched::Watched;

/// Somebody has stopped it, and what was printed isn't read.
const INTERRUPTED: u8 = 130;
/// How often it is looked whether somebody reads.
const GLANCE: Duration = Duration::from_millis(300);

/// Prints records until as many were printed as are wanted, or a stop is asked for; returns the exit code.
///
/// # Errors
///
/// If a topic can't be read, or nobody reads what is printed.
pub async fn run(common: &Common, args: &Args, mut shutdown: Shutdown) -> anyhow::Result<u8> {
    let is_stopped = {
        let shutdown = shutdown.clone();
        move || shutdown.is_requested()
    };
    let output = Output::until(is_stopped);
    let printer = RefCell::new(Printer::new(output, args.filter(), args.limit));
    let topics = Topics::new(common, args, &printer)?;
    let watched = tokio::select! {
        biased;
        () = shutdown.requested() => None,
        watched = watch(&topics, &printer) => Some(watched),
    };
    let mut printer = printer.borrow_mut();
    let ended = watched.unwrap_or(Ok(())).and_then(|()| printer.flush());
    match ended {
        Err(e) if e.is::<Stalled>() => {
            logging::complain(
                "interrupted; nobody read standard output, which may end in the middle of a line",
            );
            return Ok(INTERRUPTED);
        }
        ended => ended?,
    }
    if !printer.is_done() {
        logging::complain(&printer.count());
    }
    Ok(0)
}

/// Prints what comes until that is enough.
async fn watch(topics: &Topics<'_>, printer: &RefCell<Printer>) -> anyhow::Result<()> {
    let mut watched = FuturesUnordered::new();
    watched.extend(topics.named().into_iter().map(Watched::run));
    let mut discovering = pin!(topics.discovered());
    let mut closing = pin!(closed(printer));
    loop {
        tokio::select! {
            Some(ended) = watched.next() => return ended,
            found = &mut discovering => {
                watched.extend(found?.into_iter().map(Watched::run));
                discovering.set(topics.discovered());
            }
            closed = &mut closing => return Err(closed.into()),
        }
    }
}

/// Waits until nobody reads any more.
async fn closed(printer: &RefCell<Printer>) -> Closed {
    let mut glances = interval(GLANCE);
    glances.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !printer.borrow().is_unread() {
        glances.tick().await;
    }
    Closed
}
