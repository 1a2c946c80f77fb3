//! The end of the process.

use std::ffi::c_int;

/// Ends the process at once. Not `std::process::exit`: its handlers take down what the clients' threads, which
/// are still running, use (OpenSSL's, say).
pub fn exit(code: u8) -> ! {
    // SAFETY: _exit touches nothing of this process's memory.
    unsafe { libc::_exit(c_int::from(code)) }
}
