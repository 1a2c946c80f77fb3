//! What must hold whatever bytes come from outside: one function for each parser of the configuration, run by the fuzzers
//! in `fuzz/` and, on everything that is kept there, by the tests. Those of the files are in `archiver_format::fuzz`.

pub use crate::config::fuzz::{configuration, property, substitution, words};

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    type Target = fn(&[u8]);

    const TARGETS: [(&str, Target); 4] = [
        ("configuration", super::configuration),
        ("property", super::property),
        ("substitution", super::substitution),
        ("words", super::words),
    ];

    fn inputs(target: &str, kind: &str) -> Vec<Vec<u8>> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        let Ok(entries) = fs::read_dir(root.join(kind).join(target)) else {
            return Vec::new();
        };
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths
            .map(|path| fs::read(path).expect("an input"))
            .collect()
    }

    #[test]
    fn what_fuzzing_began_with_and_what_it_found_is_borne() {
        for (name, target) in TARGETS {
            let seeds = inputs(name, "seeds");
            assert!(!seeds.is_empty(), "{name} has no seeds");
            for bytes in seeds.iter().chain(&inputs(name, "regressions")) {
                target(bytes);
                // And cut anywhere, as far as that is quick.
                for end in (0..bytes.len()).step_by(bytes.len() / 50 + 1) {
                    target(&bytes[..end]);
                }
            }
        }
    }
}
