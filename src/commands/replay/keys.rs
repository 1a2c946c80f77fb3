//! Keys on a terminal: `p` holds and goes on, `+` and `-` change the speed.
//!
//! Shells give the terminal to somebody else when a key stops the process (Ctrl-Z), and not all of them give it back as it
//! was when it goes on. So the mode is given back before it stops, and looked at again and again.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::getpgrp;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr,
};

use crate::replay::control::Control;
use crate::signals::Suspension;
use crate::terminal::is_watched;

/// How long is waited for a key before the terminal's mode is looked at again.
const GLANCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// How long is waited where another process has the terminal.
const ELSEWHERE: Duration = Duration::from_millis(100);

/// Listens to keys for as long as it lives; the terminal is as it was afterwards.
pub(super) struct Keys {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// The terminal, as the thread has it that reads keys.
struct Terminal {
    file: File,
    /// Its mode as it was, and as keys need it.
    before: Termios,
    keys: Termios,
    is_over: Arc<AtomicBool>,
    /// What Ctrl-Z asks for.
    suspension: Suspension,
}

impl Keys {
    /// Listens, if somebody may be at a terminal: it is the one of this process, which is in its foreground.
    pub fn listen(control: &Arc<Control>) -> Option<Self> {
        if !is_watched() {
            return None;
        }
        // Standard input may be what is replayed.
        let file = File::open("/dev/tty").ok()?;
        if tcgetpgrp(&file).ok()? != getpgrp() {
            return None;
        }
        let before = tcgetattr(&file).ok()?;
        let mut keys = before.clone();
        keys.local_modes
            .remove(LocalModes::ICANON | LocalModes::ECHO);
        // A read takes what is there, and never waits.
        keys.special_codes[SpecialCodeIndex::VMIN] = 0;
        keys.special_codes[SpecialCodeIndex::VTIME] = 0;
        let is_over = Arc::<AtomicBool>::default();
        let terminal = Terminal {
            file,
            before,
            keys,
            is_over: Arc::clone(&is_over),
            suspension: Suspension::until(&is_over).ok()?,
        };
        let control = Arc::clone(control);
        let thread = thread::Builder::new().name("keys".into());
        let thread = thread.spawn(move || terminal.listen(&control));
        Some(Self {
            is_over,
            thread: thread.ok(),
        })
    }
}

impl Terminal {
    fn listen(mut self, control: &Control) {
        self.take();
        while !self.is_over.load(Ordering::Relaxed) {
            if self.suspension.is_wished() {
                self.give_back();
                self.suspension.happen();
            }
            if !self.take() {
                thread::sleep(ELSEWHERE);
                continue;
            }
            let mut key = [0];
            let mut waiting = [PollFd::new(&self.file, PollFlags::IN)];
            if !matches!(poll(&mut waiting, Some(&GLANCE)), Ok(1..)) {
                continue;
            }
            match self.file.read(&mut key) {
                // It was said that there is something, and there is nothing: the terminal is gone.
                Ok(0) => return,
                Ok(_) => press(control, key[0]),
                Err(_) => return,
            }
        }
        self.give_back();
    }

    /// Is it the process's to change?
    fn is_in_front(&self) -> bool {
        tcgetpgrp(&self.file).is_ok_and(|group| group == getpgrp())
    }

    /// Sets the mode for keys, unless it is set. False if somebody else has the terminal.
    fn take(&self) -> bool {
        let is_in_front = self.is_in_front();
        let canonical = LocalModes::ICANON;
        if is_in_front && tcgetattr(&self.file).is_ok_and(|now| now.local_modes.contains(canonical))
        {
            let _ = tcsetattr(&self.file, OptionalActions::Now, &self.keys);
        }
        is_in_front
    }

    fn give_back(&self) {
        if self.is_in_front() {
            let _ = tcsetattr(&self.file, OptionalActions::Now, &self.before);
        }
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
    }
}
