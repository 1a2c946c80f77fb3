//! SIGTERM and SIGINT: the first asks for a stop, a second one ends the process. SIGUSR1 asks for what is growing to be
//! sealed, SIGHUP for the configuration to be read again. SIGXFSZ is outlived. SIGTSTP waits where a terminal must be given back.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use signal_hook::SigId;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGTSTP, SIGUSR1, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use signal_hook::low_level::{emulate_default_handler, unregister};

use crate::world::broadcast::Broadcast;
use crate::world::shutdown::Stopper;

/// What comes within so long of the first signal is the same request: `timeout` tells its child, and then the group that
/// both are in.
const SAME_REQUEST: Duration = Duration::from_millis(300);

/// What signals ask for, beside a stop.
#[derive(Clone, Default)]
pub struct Wishes {
    /// SIGUSR1: sealed segments.
    pub seals: Broadcast,
    /// SIGHUP: the configuration, read again. Of a command that has none it is the end, as of any process.
    pub reloads: Option<Broadcast>,
}

/// Has the first signal ask for a stop, and others for what else is wished, by a thread that does nothing else. The next
/// stop that isn't the same request ends the process with this exit code from the signal's handler, whatever the other
/// threads wait for.
///
/// # Errors
///
/// The system refuses the handlers or the thread.
pub fn listen(stopper: Stopper, wishes: Wishes, code: u8) -> io::Result<()> {
    // First, so that no signal is missed while the others are set up.
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGUSR1])?;
    if wishes.reloads.is_some() {
        signals.add_signal(SIGHUP)?;
    }
    let had_terminal = has_terminal();
    let is_second = Arc::<AtomicBool>::default();
    for signal in [SIGTERM, SIGINT] {
        flag::register_conditional_shutdown(signal, i32::from(code), Arc::clone(&is_second))?;
    }
    // A file that has reached the limit (`ulimit -f`) is an error of the write that hit it. Without a handler the signal
    // that comes with it would end the process.
    flag::register(SIGXFSZ, Arc::default())?;
    // Where the parent had it ignored, nobody would learn how a command has ended.
    flag::register(SIGCHLD, Arc::default())?;
    thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            let mut signals = signals.forever();
            let signal = loop {
                match signals.next() {
                    // Its terminal was closed, not its configuration changed.
                    Some(SIGHUP) if had_terminal && !has_terminal() => break SIGHUP,
                    Some(SIGHUP) => {
                        if let Some(reloads) = &wishes.reloads {
                            reloads.send();
                        }
                    }
                    Some(SIGUSR1) => {
                        wishes.seals.send();
                        tracing::info!("SIGUSR1: sealing the segments that are growing");
                    }
                    Some(signal) => break signal,
                    None => return,
                }
            };
            // Before anything is logged.
            stopper.stop();
            let name = match signal {
                SIGTERM => "SIGTERM",
                SIGHUP => "the terminal was closed",
                _ => "SIGINT",
            };
            tracing::info!("{name}: stopping; a second signal stops at once");
            thread::sleep(SAME_REQUEST);
            is_second.store(true, Ordering::SeqCst);
        })?;
    Ok(())
}

/// Does the process have a terminal that controls it?
fn has_terminal() -> bool {
    File::open("/dev/tty").is_ok()
}

/// Ctrl-Z, for who has changed the terminal's mode and must give it back before the process stops.
pub struct Suspension {
    is_wished: Arc<AtomicBool>,
    handler: SigId,
}

impl Suspension {
    /// From now on, until this flag is set: then the signal stops the process at once, as it does any other.
    ///
    /// # Errors
    ///
    /// The system refuses the handler.
    pub fn until(is_over: &Arc<AtomicBool>) -> io::Result<Self> {
        let is_wished = Arc::<AtomicBool>::default();
        flag::register_conditional_default(SIGTSTP, Arc::clone(is_over))?;
        let handler = flag::register(SIGTSTP, Arc::clone(&is_wished))?;
        Ok(Self { is_wished, handler })
    }

    /// Did somebody press Ctrl-Z since this was asked last?
    pub fn is_wished(&self) -> bool {
        self.is_wished.swap(false, Ordering::Relaxed)
    }

    /// Stops the process; returns once it goes on (`fg`).
    pub fn happen(&self) {
        let _ = emulate_default_handler(SIGTSTP);
    }
}

impl Drop for Suspension {
    fn drop(&mut self) {
        unregister(self.handler);
    }
}
