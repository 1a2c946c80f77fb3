//! Standard output. Whoever reads it may stop at any time, as `head` does: that is no error.

use std::io::{self, ErrorKind, StdoutLock, Write};

use anyhow::Context;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How much is kept until it is written.
const KEPT_BYTES: usize = 64 << 10;

/// Nobody reads standard output any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nobody reads standard output any more")]
pub struct Closed;

/// Standard output, for one command.
pub struct Output {
    to: StdoutLock<'static>,
    kept: Vec<u8>,
}

impl Default for Output {
    fn default() -> Self {
        Self {
            to: io::stdout().lock(),
            kept: Vec::with_capacity(KEPT_BYTES),
        }
    }
}

impl Output {
    /// Writes some bytes, or keeps them for later.
    ///
    /// # Errors
    ///
    /// [`Closed`], or what else keeps them from being written.
    pub fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        if self.kept.len() + bytes.len() > KEPT_BYTES {
            self.flush()?;
        }
        if bytes.len() >= KEPT_BYTES {
            return written(self.to.write_all(bytes));
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
        let all = self.to.write_all(&self.kept);
        self.kept.clear();
        written(all.and_then(|()| self.to.flush()))
    }
}

fn written(result: io::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Err(Closed.into()),
        result => result.context("writing to standard output"),
    }
}
