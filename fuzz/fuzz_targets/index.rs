#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| archiver_format::fuzz::index(bytes));
