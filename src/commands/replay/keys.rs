//! Keys on a terminal: `p` holds and goes on, `+` and `-` change the speed.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use rustix::process::getpgrp;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr,
};

use crate::replay::control::Control;
use crate::terminal::is_watched;

/// Listens to keys for as long as it lives; the terminal is as it was afterwards.
pub(super) struct Keys {
    terminal: File,
    before: Termios,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Keys {
    /// Listens, if somebody may be at a terminal: it is the one of this process, which is in its foreground.
    pub fn listen(control: &Arc<Control>) -> Option<Self> {
        if !is_watched() {
            return None;
        }
        // Standard input may be what is replayed.
        let terminal = File::open("/dev/tty").ok()?;
        if tcgetpgrp(&terminal).ok()? != getpgrp() {
            return None;
        }
        let before = tcgetattr(&terminal).ok()?;
        let mut keys = before.clone();
        keys.local_modes
            .remove(LocalModes::ICANON | LocalModes::ECHO);
        // A read ends without a key after two tenths of a second.
        keys.special_codes[SpecialCodeIndex::VMIN] = 0;
        keys.special_codes[SpecialCodeIndex::VTIME] = 2;
        tcsetattr(&terminal, OptionalActions::Now, &keys).ok()?;
        let is_over = Arc::<AtomicBool>::default();
        let (mut from, control) = (terminal.try_clone().ok()?, Arc::clone(control));
        let over = Arc::clone(&is_over);
        let thread = thread::Builder::new().name("keys".into()).spawn(move || {
            let mut key = [0];
            while !over.load(Ordering::Relaxed) {
                match from.read(&mut key) {
                    Ok(0) => {}
                    Ok(_) => press(&control, key[0]),
                    Err(_) => return,
                }
            }
        });
        Some(Self {
            thread: thread.ok(),
            terminal,
            before,
            is_over,
        })
    }
}

fn press(control: &Control, key: u8) {
    match key {
        b'p' | b' ' => control.hold_or_go_on(),
        b'+' | b'=' => control.faster(),
        b'-' => control.slower(),
        _ => {}
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}
