//! `topics.toml(5)`: every key of the configuration, from the table that archiver reads it by.

use std::fs;
use std::path::Path;

use anyhow::Context;
use archiver::config::reference::{self, Described};
use roff::{Inline, Roff, bold, roman};

const ABOUT: &str = "\
A file in TOML that says which topics `archiver` captures, and how: an `[[archive]]` for each. It is checked as a whole \
before anything is done; `archiver check -c FILE` also says what would keep its archives from being written. A string may \
take its value from elsewhere: `${NAME}` from the environment, `${file:PATH}` from a file.";

const EXAMPLE: &str = "\
[[archive]]
broker = \"localhost:9092\"
topic  = \"metrics\"
file   = \"metrics/{seq:06}.ndjson.gz\"
rotate = { every = \"1h\" }";

const FILES: [(&str, &str); 3] = [
    (
        "/etc/archiver/topics.toml",
        "the configuration of archiver.service",
    ),
    (
        "/etc/archiver/NAME.toml",
        "the configuration of archiver@NAME.service",
    ),
    (
        "/usr/share/archiver/config.schema.json",
        "a JSON schema, by which editors complete and check it: `#:schema FILE` in its first line",
    ),
];

/// Writes the page into a directory.
pub fn write(directory: &Path) -> anyhow::Result<()> {
    let path = directory.join("topics.toml.5");
    fs::write(&path, page()).with_context(|| format!("writing {}", path.display()))
}

fn page() -> String {
    let mut page = Roff::new();
    let version = concat!("archiver ", env!("CARGO_PKG_VERSION"));
    page.control("TH", ["topics.toml", "5", "", version, ""]);
    page.control("SH", ["NAME"]);
    page.text([roman("topics.toml - the configuration of archiver")]);
    page.control("SH", ["DESCRIPTION"]);
    page.text(marked(ABOUT));
    for (header, keys) in reference::keys() {
        page.control("SH", [&*title(header)]);
        for key in &keys {
            page.control("TP", []);
            page.text([bold(key.name)]);
            page.text(marked(&meaning(key)));
        }
    }
    page.control("SH", ["EXAMPLE"]);
    page.control("EX", []);
    page.text(
        EXAMPLE
            .lines()
            .flat_map(|line| [roman(line), Inline::LineBreak])
            .collect::<Vec<_>>(),
    );
    page.control("EE", []);
    page.control("SH", ["FILES"]);
    for (file, what) in FILES {
        page.control("TP", []);
        page.text([bold(file)]);
        page.text(marked(what));
    }
    page.control("SH", ["SEE ALSO"]);
    page.text([
        bold("archiver"),
        roman("(1), "),
        bold("archiver-check"),
        roman("(1)"),
    ]);
    page.render()
}

/// A table, as a section is called.
fn title(header: &str) -> String {
    match header {
        "" => "KEYS AT THE TOP".to_owned(),
        header => format!("KEYS IN {header}"),
    }
}

/// What there is to say of a key, in one paragraph.
fn meaning(key: &Described) -> String {
    let mut said = key.help.to_owned();
    if !key.limits.is_empty() {
        said += &format!(". Possible: {}", key.limits);
    }
    match key.default.strip_prefix("required") {
        Some(without) => said += &format!(". Required{without}"),
        None if key.default.is_empty() => {}
        None => said += &format!(". Default: {}", key.default),
    }
    said
}

/// Text with what stands between backquotes in bold.
fn marked(text: &str) -> Vec<Inline> {
    let parts = text.split('`').enumerate();
    parts
        .map(|(at, part)| match at % 2 {
            0 => roman(part),
            _ => bold(part),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_on_the_page_with_its_meaning() {
        let page = page();
        for (_, keys) in reference::keys() {
            for key in keys {
                assert!(
                    page.contains(&format!("\\fB{}\\fR", key.name)),
                    "{}",
                    key.name
                );
            }
        }
        assert!(page.contains("Required without"));
    }
}
