//! The files of the program, without what only tests are built of.

use std::fs;
use std::path::Path;

pub struct Source {
    /// From the root of the repository.
    pub path: String,
    /// Without the tests at its end; what else is only for tests is left blank, so that line 1 is the first one.
    pub lines: Vec<String>,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            lines: without_tests(text),
        }
    }

    /// Each line with its number, without comments.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.lines.iter().enumerate();
        lines.map(|(index, line)| (index + 1, line.split("//").next().unwrap_or_default()))
    }
}

/// All of them, apart from the folders and files of tests and fuzzers.
pub fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let crates = ["src", "crates/format/src", "crates/analyze/src"];
    let mut dirs = crates.map(|of| root.join(of)).to_vec();
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
                continue;
            }
            let name = path.strip_prefix(root).unwrap().display().to_string();
            let is_for_tests = ["/tests", "/fuzz"].iter().any(|part| name.contains(part));
            if name.ends_with(".rs") && !is_for_tests {
                found.push(Source::new(&name, &fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(found.len() > 100, "the sources were not found");
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

fn without_tests(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut is_for_tests = false;
    for line in text.lines() {
        is_for_tests |= ["#[cfg(test)]", "#[cfg(any(test,"]
            .iter()
            .any(|attribute| line.starts_with(attribute));
        let line_of_module = line.trim_start_matches("pub(crate) ");
        if is_for_tests && line_of_module.starts_with("mod ") && line.ends_with('{') {
            break;
        }
        lines.push(if is_for_tests { "" } else { line }.to_owned());
        is_for_tests &= !line.ends_with(';') && line != "}";
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}
