//! SIGTERM and SIGINT: the first asks for a stop, the second ends the process. SIGXFSZ is outlived.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use crate::world::shutdown::Stopper;

/// Has the first signal ask for a stop, by a thread that does nothing else. The second ends the process with this exit
/// code from the signal's handler, whatever the threads wait for.
///
/// # Errors
///
/// The system refuses the handlers or the thread.
pub fn listen(stopper: Stopper, code: u8) -> io::Result<()> {
    // First, so that no signal is missed while the others are set up.
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let asked = Arc::<AtomicBool>::default();
    for signal in [SIGTERM, SIGINT] {
        // In this order: the first signal comes by before it is noted.
        flag::register_conditional_shutdown(signal, i32::from(code), Arc::clone(&asked))?;
        flag::register(signal, Arc::clone(&asked))?;
    }
    // A file that has reached the limit (`ulimit -f`) is an error of the write that hit it. Without a handler the signal
    // that comes with it would end the process.
    flag::register(SIGXFSZ, Arc::default())?;
    thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            for signal in signals.forever() {
                // Before anything is logged.
                stopper.stop();
                let name = if signal == SIGTERM {
                    "SIGTERM"
                } else {
                    "SIGINT"
                };
                tracing::info!("{name}: stopping; a second signal stops at once");
            }
        })?;
    Ok(())
}
