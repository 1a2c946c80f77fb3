//! What must hold whatever bytes come from outside: one function for each parser of the configuration, run by the fuzzers
//! in `fuzz/` and, on everything that is kept there, by the tests. Those of the files are in `archiver_format::fuzz`.

pub use crate::config::fuzz::{configuration, property, substitution, words};

#[cfg(test)]
mod tests {
    use std::path::Path;

    use archiver_format::fuzz::bear;

    #[test]
    fn what_fuzzing_began_with_and_what_it_found_is_borne() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        bear(&fuzz, "configuration", super::configuration);
        bear(&fuzz, "property", super::property);
        bear(&fuzz, "substitution", super::substitution);
        bear(&fuzz, "words", super::words);
    }
}
