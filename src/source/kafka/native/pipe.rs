//! How librdkafka's pipes are made: this takes the place of the C library's function, whose pipes every program would
//! inherit that is run (`on_seal`). librdkafka sees to that for its sockets, and forgets it for the pipes by which its
//! threads are woken.

use std::ffi::c_int;

/// Makes a pipe that no other program inherits.
///
/// # Safety
/// What C asks for: `ends` has room for two numbers.
#[unsafe(no_mangle)]
unsafe extern "C" fn pipe(ends: *mut c_int) -> c_int {
    // SAFETY: the caller's.
    unsafe { libc::pipe2(ends, libc::O_CLOEXEC) }
}
