//! The safe face of librdkafka: the only module of the crate with `unsafe` in it.
//!
//! What holds here: a [`Client`] outlives its [`Topic`]s and [`Queue`]s (they keep it by `Arc`); a
//! pointer that librdkafka hands out for reading is read before the object it belongs to is destroyed,
//! in the same function; librdkafka's handles may be used from any thread (its own documentation).
#![allow(unsafe_code)]

mod admin;
mod client;
mod queue;
#[cfg(target_env = "gnu")]
mod wait;

use std::ffi::{CStr, CString, c_char, c_int};
use std::slice;
use std::time::Duration;

use crate::source::cluster::{KafkaError, Trouble};

pub(super) use client::{Client, Events};
pub(super) use queue::{Queue, Run, Topic, TopicKey};

/// Ends the process at once. Not `std::process::exit`: its handlers take down what the clients' threads, which
/// are still running, use (OpenSSL's, say).
pub fn exit(code: u8) -> ! {
    // SAFETY: _exit touches nothing of this process's memory.
    unsafe { libc::_exit(c_int::from(code)) }
}

/// # Safety
/// `first` points at `count` readable elements, or is null with a count of 0.
unsafe fn array<'a, T>(first: *mut T, count: usize) -> &'a [T] {
    if count == 0 || first.is_null() {
        return &[];
    }
    // SAFETY: the caller's.
    unsafe { slice::from_raw_parts(first, count) }
}

/// # Safety
/// `string` is null or ends with a NUL.
unsafe fn text(string: *const c_char) -> String {
    if string.is_null() {
        return String::new();
    }
    // SAFETY: the caller's.
    unsafe { CStr::from_ptr(string) }
        .to_string_lossy()
        .into_owned()
}

fn cstring(value: &str) -> Result<CString, KafkaError> {
    CString::new(value).map_err(|_| KafkaError {
        kind: Trouble::Other,
        text: "a name or property has a zero byte in it".into(),
    })
}

fn millis(duration: Duration) -> c_int {
    c_int::try_from(duration.as_millis()).unwrap_or(c_int::MAX)
}
