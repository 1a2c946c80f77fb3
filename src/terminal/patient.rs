//! Writing to who may have stopped reading.

use std::io::{ErrorKind, Write};
use std::thread;
use std::time::Duration;

/// Written at once at most, so that reading can be seen to go on; pipes take no more without waiting.
const PIECE_BYTES: usize = 4096;
/// Between two tries to write to what was set to not let anybody wait.
const RETRY: Duration = Duration::from_millis(10);

/// Waits for as long as nobody reads, and says each time that it has tried. What can't be written at all is lost:
/// there is nobody to tell.
pub fn write_patiently(out: &mut impl Write, mut bytes: &[u8], mut tried: impl FnMut()) {
    while !bytes.is_empty() {
        match out.write(&bytes[..bytes.len().min(PIECE_BYTES)]) {
            Ok(0) => return,
            Ok(count) => bytes = &bytes[count..],
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) if e.kind() == ErrorKind::WouldBlock => thread::sleep(RETRY),
            Err(_) => return,
        }
        tried();
    }
}
