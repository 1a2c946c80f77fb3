//! Between C's types and Rust's.

use std::ffi::{CStr, CString, c_char, c_int};
use std::slice;
use std::time::Duration;

use crate::source::cluster::{KafkaError, Trouble};

/// # Safety
/// `first` points at `count` readable elements, or is null with a count of 0.
pub(super) unsafe fn array<'a, T>(first: *mut T, count: usize) -> &'a [T] {
    if count == 0 || first.is_null() {
        return &[];
    }
    // SAFETY: the caller's.
    unsafe { slice::from_raw_parts(first, count) }
}

/// # Safety
/// `string` is null or ends with a NUL.
pub(super) unsafe fn text(string: *const c_char) -> String {
    if string.is_null() {
        return String::new();
    }
    // SAFETY: the caller's.
    unsafe { CStr::from_ptr(string) }
        .to_string_lossy()
        .into_owned()
}

pub(super) fn cstring(value: &str) -> Result<CString, KafkaError> {
    CString::new(value).map_err(|_| KafkaError {
        kind: Trouble::Other,
        text: "a name or property has a zero byte in it".into(),
    })
}

pub(super) fn millis(duration: Duration) -> c_int {
    c_int::try_from(duration.as_millis()).unwrap_or(c_int::MAX)
}
