//! What a command writes: each line goes to the log, and the last one is kept.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::{Errno, ioctl_fionbio, read};

/// The largest length of a line in the log, in bytes; a longer one goes there in parts.
const LINE_BYTES_MAX: usize = 4096;
/// So many characters of the last line are kept, for a message.
const LAST_CHARS_MAX: usize = 200;
/// So much is read at once.
const READ_BYTES: usize = 1 << 14;
/// How often that is done before anything else is looked at, so that a command that writes without end can be ended.
const READS_MOST: usize = 16;

/// The reading end of a pipe that a command writes to.
pub(super) struct Output {
    /// `None` once nobody can write to it any more.
    pipe: Option<OwnedFd>,
    label: String,
    /// A line that has no end yet.
    line: Vec<u8>,
    last: String,
}

impl Output {
    /// What comes out of this pipe, if there is one.
    pub fn new(pipe: Option<impl Into<OwnedFd>>, label: &str) -> Self {
        let pipe = pipe.map(Into::into);
        Self {
            // Reading must not wait: what the command has started may keep the pipe open.
            pipe: pipe.filter(|pipe| ioctl_fionbio(pipe, true).is_ok()),
            label: label.to_owned(),
            line: Vec::new(),
            last: String::new(),
        }
    }

    /// The pipe, unless it has ended.
    pub fn pipe(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// Reads what is there.
    pub fn listen(&mut self) {
        let mut bytes = [0; READ_BYTES];
        for _ in 0..READS_MOST {
            let Some(pipe) = &self.pipe else {
                return;
            };
            match read(pipe, &mut bytes) {
                Ok(count) if count > 0 => self.take(&bytes[..count]),
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR) => {}
                Ok(_) | Err(_) => self.pipe = None,
            }
        }
    }

    /// The last line that isn't empty.
    pub fn last_line(mut self) -> String {
        self.listen();
        self.end_line();
        self.last
    }

    fn take(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match byte {
                b'\n' => self.end_line(),
                byte => {
                    self.line.push(byte);
                    if self.line.len() >= LINE_BYTES_MAX {
                        self.end_line();
                    }
                }
            }
        }
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&self.line);
        // A terminal must not do what a command's output says.
        let line = line.replace(|c: char| c.is_control(), " ");
        self.line.clear();
        let line = line.trim_end();
        if !line.is_empty() {
            tracing::debug!("{}: {line}", self.label);
            self.last = line.chars().take(LAST_CHARS_MAX).collect();
            if self.last.len() < line.len() {
                self.last.push('…');
            }
        }
    }
}
