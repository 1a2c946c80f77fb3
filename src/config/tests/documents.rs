//! What is written about the keys is what the table of keys says.

use std::path::{Path, PathBuf};
use std::{env, fs};

use super::super::key_kind::{DefaultValue, Row};
use super::super::keys::KEYS;
use super::super::table_name::TableName;
use super::super::{load, properties, reference};
use super::loaded;

/// Set, the tests write what they otherwise compare.
const WRITE: &str = "WRITE_REFERENCE";

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_default()
}

/// Fails unless a file holds this.
fn assert_holds(name: &str, expected: &str) {
    if env::var_os(WRITE).is_some() {
        fs::write(path(name), expected).unwrap();
    }
    assert!(
        read(name) == expected,
        "{name} is not what the table of keys says; {WRITE}=1 cargo test --lib config writes it"
    );
}

/// The text with what stands between two markers replaced.
fn with_table(text: &str, header: &str, table: &str) -> String {
    let shown = if header.is_empty() { "top" } else { header };
    let begin = format!("<!-- keys: {shown} -->\n");
    let end = "<!-- end of keys -->";
    let (before, rest) = text
        .split_once(&begin)
        .unwrap_or_else(|| panic!("no place for the keys of {shown}"));
    let (_, after) = rest.split_once(end).expect("an end of the keys");
    format!("{before}{begin}\n{table}\n{end}{after}")
}

#[test]
fn the_reference_has_the_tables_of_the_keys() {
    let page = "docs/reference/config.md";
    let tables = reference::tables();
    let text = tables.iter().fold(read(page), |text, (header, table)| {
        with_table(&text, header, table)
    });
    assert_holds(page, &text);
    assert_eq!(text.matches("<!-- keys: ").count(), tables.len());
}

#[test]
fn the_schema_is_that_of_the_keys() {
    let schema = serde_json::to_string_pretty(&reference::schema()).unwrap();
    assert_holds("docs/reference/config.schema.json", &(schema + "\n"));
}

#[test]
fn the_reference_names_every_owned_property_with_its_reason() {
    let reference = read("docs/reference/config.md");
    let owned = properties::all().filter(|property| !property.owned.is_empty());
    let rows = owned.map(|property| format!("| `{}` | {} |\n", property.name, property.owned));
    let table = format!(
        "| property | reason |\n|---|---|\n{}",
        rows.collect::<String>()
    );
    assert!(reference.contains(&table), "the reference lacks\n{table}");
}

#[test]
fn no_two_keys_of_a_place_share_a_name() {
    for row in KEYS {
        for place in row.places {
            let here = KEYS.iter().filter(|other| other.places.contains(place));
            let same = here.filter(|other| other.name == row.name);
            assert_eq!(same.count(), 1, "`{}` {}", row.name, place.within());
        }
    }
}

#[test]
fn the_example_is_valid_with_every_default_uncommented() {
    let name = "config.example.toml";
    load(&path(name)).unwrap_or_else(|error| panic!("{error}"));
    let example = read(name);
    let schema = example
        .strip_prefix("#:schema ")
        .and_then(|text| text.lines().next());
    assert!(path(schema.expect("a schema")).exists());
    // What is an example rather than a default can contradict the rest.
    let is_kept = |line: &&str| {
        let examples = [
            "#\"security.protocol\"",
            "#state_dir",
            "#\"sasl.password\"",
            "#\"ssl.ca.location\"",
            "#compression =",
            "#size =",
            "#records =",
            "#every =",
            "#idle =",
            "#min_size =",
            "#file =",
            "#rotate =",
            "#keep =",
            "#keep_size =",
            "#topic_pattern =",
            "#listen =",
            "#token_file =",
            "#on_seal =",
            "#on_seal_timeout = \"1h\"",
        ];
        !examples.iter().any(|start| line.starts_with(start)) && !line.starts_with("# ")
    };
    let uncommented = example.lines().skip(1).filter(is_kept).map(|line| {
        let typed = line.strip_prefix('#').unwrap_or(line);
        format!("{typed}\n")
    });
    loaded(&uncommented.collect::<String>());
}

/// The lines of the example that stand in a place, without the `#` before them.
fn example_of(place: TableName) -> Vec<String> {
    let mut within = TableName::Top;
    let mut lines = Vec::new();
    for line in read("config.example.toml").lines() {
        if line.starts_with('[') {
            within = match line.trim_matches(['[', ']']) {
                "archive" => TableName::Archive,
                "defaults" => TableName::Defaults,
                "limits" => TableName::Limits,
                "http" => TableName::Http,
                "defaults.rotate" => TableName::Rotate,
                name if name.matches('.').count() == 1 => TableName::Cluster,
                // Properties.
                _ => continue,
            };
        }
        if within == place {
            lines.push(line.strip_prefix('#').unwrap_or(line).to_owned());
        }
    }
    lines
}

#[test]
fn the_example_has_every_key_with_its_default() {
    let has = |row: &Row, place: TableName| {
        let start = format!("{} = ", row.name);
        let lines = example_of(place);
        let mut typed = lines.iter().filter_map(|line| line.strip_prefix(&start));
        match row.default {
            DefaultValue::Typed(default) if row.places.first() == Some(&place) => {
                typed.any(|value| value == default)
            }
            _ => typed.next().is_some(),
        }
    };
    let text = read("config.example.toml");
    for row in KEYS {
        let header = format!("[{}", row.name);
        let is_table = text.lines().any(|line| {
            line.trim_start_matches('[').starts_with(&header[1..]) && line.starts_with('[')
        });
        let is_inner = text
            .lines()
            .any(|line| line.ends_with(&format!(".{}]", row.name)));
        for place in row.places {
            let found = has(row, *place) || is_table || is_inner;
            assert!(
                found,
                "config.example.toml lacks `{}` {}, or its default",
                row.name,
                place.within()
            );
        }
    }
}
