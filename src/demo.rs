//! The demonstration.
use crate::shutdown::Shutdown;

/// Shows archiver at work; returns the exit code.
pub async fn run(_shutdown: Shutdown) -> u8 {
    0
}
