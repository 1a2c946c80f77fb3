//! Standard output. Whoever reads it may stop at any time, as `head` does: that is no error.

use std::io::{self, ErrorKind, StdoutLock, Write};
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, fstat};
use rustix::io::Errno;

/// How much is kept until it is written.
const KEPT_BYTES: usize = 64 << 10;

/// A pipe that has room has room for so much; more may block.
const PIECE_BYTES: usize = 4096;
/// How often it is looked whether a stop was asked for, while there is no room.
const GLANCE: Duration = Duration::from_millis(100);
/// How long what is kept may take to be read once a stop was asked for.
const PATIENCE: Duration = Duration::from_millis(700);

/// A stop was asked for, and what is left isn't read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("standard output isn't read")]
pub struct Stalled;

/// Nobody reads standard output any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nobody reads standard output any more")]
pub struct Closed;

/// Standard output, for one command.
pub struct Output {
    to: StdoutLock<'static>,
    kept: Vec<u8>,
    /// Where writing may block: was a stop asked for?
    is_stopped: Option<Box<dyn Fn() -> bool>>,
    /// When a stop was first seen.
    stopping: Option<Instant>,
}

impl Default for Output {
    fn default() -> Self {
        Self {
            to: io::stdout().lock(),
            kept: Vec::with_capacity(KEPT_BYTES),
            is_stopped: None,
            stopping: None,
        }
    }
}

impl Output {
    /// One whose writing ends soon once a stop is asked for, although nobody reads: in the middle of a line, then.
    pub fn until(is_stopped: impl Fn() -> bool + 'static) -> Self {
        let output = Self::default();
        let kind = fstat(&output.to).map(|found| FileType::from_raw_mode(found.st_mode));
        // A file takes all that there is.
        let may_block = kind != Ok(FileType::RegularFile);
        Self {
            is_stopped: may_block.then(|| Box::new(is_stopped) as Box<dyn Fn() -> bool>),
            ..output
        }
    }

    /// Writes some bytes, or keeps them for later.
    ///
    /// # Errors
    ///
    /// [`Closed`], [`Stalled`], or what else keeps them from being written.
    pub fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        if self.kept.len() + bytes.len() > KEPT_BYTES {
            self.flush()?;
        }
        if bytes.len() >= KEPT_BYTES {
            return self.write_all(bytes);
        }
        self.kept.extend_from_slice(bytes);
        Ok(())
    }

    /// Writes a line.
    ///
    /// # Errors
    ///
    /// As [`Output::write`].
    pub fn line(&mut self, line: &str) -> anyhow::Result<()> {
        self.write(line.as_bytes())?;
        self.write(b"\n")
    }

    /// Writes a value as a line of JSON.
    ///
    /// # Errors
    ///
    /// As [`Output::write`].
    pub fn json(&mut self, value: &impl serde::Serialize) -> anyhow::Result<()> {
        self.line(&serde_json::to_string(value).context("writing JSON")?)
    }

    /// Does nobody read it any more? What is no pipe is always read.
    pub fn is_unread(&self) -> bool {
        let mut output = [PollFd::new(&self.to, PollFlags::empty())];
        let asked = poll(&mut output, Some(&Timespec::default()));
        asked.is_ok() && output[0].revents().contains(PollFlags::ERR)
    }

    /// Writes what was kept.
    ///
    /// # Errors
    ///
    /// As [`Output::write`].
    pub fn flush(&mut self) -> anyhow::Result<()> {
        let kept = std::mem::take(&mut self.kept);
        let all = self.write_all(&kept);
        self.kept = kept;
        self.kept.clear();
        all
    }

    fn write_all(&mut self, mut bytes: &[u8]) -> anyhow::Result<()> {
        if self.is_stopped.is_none() {
            return written(self.to.write_all(bytes).and_then(|()| self.to.flush()));
        }
        while !bytes.is_empty() {
            if !self.has_room()? {
                continue;
            }
            // Not through the lock's buffer, which writes more at once than there is room for.
            match rustix::io::write(&self.to, &bytes[..bytes.len().min(PIECE_BYTES)]) {
                Ok(count) => bytes = &bytes[count..],
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(e) => return written(Err(e.into())),
            }
        }
        Ok(())
    }

    /// Waits a moment for room, and says whether there is some.
    fn has_room(&mut self) -> anyhow::Result<bool> {
        if self
            .is_stopped
            .as_ref()
            .is_some_and(|is_stopped| is_stopped())
        {
            let since = self.stopping.get_or_insert_with(Instant::now);
            if since.elapsed() > PATIENCE {
                return Err(Stalled.into());
            }
        }
        let glance = Timespec::try_from(GLANCE).ok();
        let mut output = [PollFd::new(&self.to, PollFlags::OUT)];
        match poll(&mut output, glance.as_ref()) {
            Ok(found) => Ok(found > 0),
            Err(Errno::INTR) => Ok(false),
            Err(e) => written(Err(e.into())).map(|()| false),
        }
    }
}

fn written(result: io::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Err(Closed.into()),
        result => result.context("writing to standard output"),
    }
}
