//! Lines on their way to standard error, where somebody may have stopped reading.
//!
//! Whoever logs leaves a line here and goes on; a thread of its own writes, and is the only one that ever waits. Lines
//! that don't fit are dropped and counted, from the first of them until all that waited is written: so each loss is one
//! gap in the log, and said in its place.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::terminal::write_patiently;

/// Lines that wait to be written.
pub(super) struct Queue {
    /// More lines are dropped while so much waits.
    bytes_most: usize,
    state: Mutex<State>,
    /// There is something to write.
    filled: Condvar,
    /// Something was written.
    written: Condvar,
}

struct State {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Since the last of `lines`.
    dropped: u64,
    /// How many lines were taken from whoever logs, and how many of them are written.
    taken: u64,
    done: u64,
    /// In how many pieces.
    pieces: u64,
}

/// What the writing thread does next.
enum Next {
    Line(Vec<u8>),
    /// So many lines were dropped here.
    Gap(u64),
}

impl Queue {
    pub const fn new(bytes_most: usize) -> Self {
        Self {
            bytes_most,
            state: Mutex::new(State {
                lines: VecDeque::new(),
                bytes: 0,
                dropped: 0,
                taken: 0,
                done: 0,
                pieces: 0,
            }),
            filled: Condvar::new(),
            written: Condvar::new(),
        }
    }

    /// Takes a line, or drops it. Never waits for who reads.
    pub fn push(&self, line: Vec<u8>) {
        let mut state = self.lock();
        if state.dropped > 0 || state.bytes >= self.bytes_most {
            state.dropped += 1;
        } else {
            state.bytes += line.len();
            state.taken += 1;
            state.lines.push_back(line);
        }
        drop(state);
        self.filled.notify_one();
    }

    /// Writes for ever; `say` is told how many lines were dropped, and may push a line about it.
    pub fn write_to(&self, mut out: impl Write, say: impl Fn(u64)) -> ! {
        loop {
            match self.next() {
                Next::Line(line) => {
                    self.write(&mut out, &line);
                    self.lock().done += 1;
                    self.written.notify_all();
                }
                Next::Gap(lines) => say(lines),
            }
        }
    }

    /// Waits until all that is here is written, but no longer than `patience` for the next piece of it, and not beyond
    /// `most`.
    pub fn finish(&self, patience: Duration, most: Duration) {
        let end = Instant::now() + most;
        let mut state = self.lock();
        // And a line about those that were dropped.
        let wanted = state.taken + u64::from(state.dropped > 0);
        loop {
            let before = state.pieces;
            let patience = patience.min(end.saturating_duration_since(Instant::now()));
            let unchanged = |state: &mut State| state.done < wanted && state.pieces == before;
            let waited = self.written.wait_timeout_while(state, patience, unchanged);
            let (now, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            if timeout.timed_out() || now.done >= wanted {
                return;
            }
            state = now;
        }
    }

    fn next(&self) -> Next {
        let is_empty = |state: &mut State| state.lines.is_empty() && state.dropped == 0;
        let state = self.filled.wait_while(self.lock(), is_empty);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        match state.lines.pop_front() {
            Some(line) => {
                state.bytes -= line.len();
                Next::Line(line)
            }
            None => Next::Gap(std::mem::take(&mut state.dropped)),
        }
    }

    fn write(&self, out: &mut impl Write, line: &[u8]) {
        write_patiently(out, line, || {
            self.lock().pieces += 1;
            self.written.notify_all();
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, PipeReader, Read, pipe};
    use std::thread;

    use super::*;

    const LINES: usize = 2_000;
    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(10);

    /// A queue of 100 kB that writes to a pipe, and says what it drops.
    fn queue() -> (&'static Queue, PipeReader) {
        let queue: &Queue = Box::leak(Box::new(Queue::new(100_000)));
        let (reader, writer) = pipe().unwrap();
        let say = |lines| queue.push(format!("{lines} dropped\n").into());
        thread::spawn(move || queue.write_to(writer, say));
        (queue, reader)
    }

    /// Pushes 200 kB.
    fn fill(queue: &Queue) {
        for n in 0..LINES {
            queue.push(format!("{n:099}\n").into());
        }
    }

    /// Reads until a line says this, and returns the lines before it.
    fn read_up_to(reader: &mut PipeReader, end: &str) -> Vec<String> {
        let (mut lines, mut line) = (Vec::new(), Vec::new());
        loop {
            let mut byte = [0];
            reader.read_exact(&mut byte).unwrap();
            line.push(byte[0]);
            if byte[0] == b'\n' {
                let text = String::from_utf8(std::mem::take(&mut line)).unwrap();
                if text.trim_end() == end {
                    return lines;
                }
                lines.push(text.trim_end().to_owned());
            }
        }
    }

    #[test]
    fn lines_that_do_not_fit_are_one_gap_that_is_counted_in_its_place() {
        let (queue, mut reader) = queue();
        fill(queue);
        let read = thread::spawn(move || {
            let lines = read_up_to(&mut reader, "after");
            (lines, reader)
        });
        queue.finish(LONG, LONG);
        queue.push(b"after\n".to_vec());
        let (mut lines, _reader) = read.join().unwrap();
        let said = lines.pop().unwrap();
        let dropped = said.strip_suffix(" dropped").expect(&said);
        assert_eq!(lines.len() + dropped.parse::<usize>().unwrap(), LINES);
        for (n, line) in lines.iter().enumerate() {
            assert_eq!(line, &format!("{n:099}"));
        }
        let pipe_and_queue = 165_000 / 100 + 2;
        assert!(lines.len() <= pipe_and_queue, "{} waited", lines.len());
    }

    #[test]
    fn the_end_waits_for_who_reads_and_not_for_who_does_not() {
        let (queue, mut reader) = queue();
        fill(queue);
        let is_done = || {
            let state = queue.lock();
            state.done == state.taken && state.dropped == 0
        };
        queue.finish(SHORT, LONG);
        assert!(!is_done(), "nobody has read");
        queue.finish(LONG, SHORT);
        assert!(!is_done(), "nobody has read");
        thread::spawn(move || reader.read_to_end(&mut Vec::new()));
        queue.finish(LONG, LONG);
        assert!(is_done());
    }

    #[test]
    fn who_lets_nobody_wait_is_asked_again() {
        /// Refuses each write but every third.
        struct Busy(Vec<u8>, usize);
        impl Write for Busy {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.1 += 1;
                match self.1 % 3 {
                    1 => return Err(ErrorKind::WouldBlock.into()),
                    2 => return Err(ErrorKind::Interrupted.into()),
                    _ => {}
                }
                self.0.extend(&bytes[..1]);
                Ok(1)
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let mut out = Busy(Vec::new(), 0);
        Queue::new(10).write(&mut out, b"all of it\n");
        assert_eq!(out.0, b"all of it\n");
    }
}
