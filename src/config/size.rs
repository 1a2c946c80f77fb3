//! Sizes: `"64MiB"`, `"1GiB"`, `"500MB"`, `"1073741824"`.

use serde_json::Value as Json;

use super::key_kind::Kind;
use super::problem::Problem;
use super::schema;
use super::walk::{Toml, Walker};

const UNITS: [(&str, u64); 8] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
];

/// A whole number of bytes, with or without a unit.
pub fn parse(text: &str) -> Option<u64> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit_bytes = match unit {
        "" | "B" => 1,
        unit => UNITS.iter().find(|(name, _)| *name == unit)?.1,
    };
    number.parse::<u64>().ok()?.checked_mul(unit_bytes)
}

/// The size as it would be typed, in the largest unit that it is a whole number of.
pub(super) fn show(bytes: u64) -> String {
    let unit = UNITS.iter().find(|(_, unit)| bytes.is_multiple_of(*unit));
    unit.filter(|_| bytes > 0)
        .map_or(bytes.to_string(), |(name, unit)| {
            format!("{}{name}", bytes / unit)
        })
}

/// Sizes of at least so many bytes.
pub(super) struct Sizes(pub u64);

impl Kind for Sizes {
    type Value = u64;

    fn read(&self, walker: &mut Walker<'_>, key: &str, value: &Toml<'_>) -> Option<u64> {
        let text = walker.text(value, "a size such as \"256MiB\"")?;
        let Some(bytes) = parse(&text.value) else {
            let message = format!("{} is not a size", text.quoted());
            walker.report(Problem::at(&text.span, message).help(
                "a whole number of bytes, or with one of kB, MB, GB, TB, KiB, MiB, GiB, TiB, such as \"256MiB\"",
            ));
            return None;
        };
        if bytes < self.0 {
            let problem = Problem::at(&text.span, format!("`{key}` is too small"));
            walker.report(problem.label(Kind::limits(self)));
            return None;
        }
        Some(bytes)
    }

    fn limits(&self) -> String {
        format!("at least \"{}\"", show(self.0))
    }

    fn schema(&self) -> Json {
        let units: Vec<&str> = UNITS.iter().map(|(name, _)| *name).collect();
        schema::text_like(&format!("[0-9]+(B|{})?", units.join("|")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_of_bytes_are_sizes() {
        for (text, bytes) in [
            ("65536", 65_536),
            ("512B", 512),
            ("64KiB", 65_536),
            ("64MiB", 67_108_864),
            ("1GiB", 1_073_741_824),
            ("1TiB", 1_099_511_627_776),
            ("500kB", 500_000),
            ("500MB", 500_000_000),
            ("2GB", 2_000_000_000),
            ("2TB", 2_000_000_000_000),
        ] {
            assert_eq!(parse(text), Some(bytes), "{text}");
            assert_eq!(parse(&show(bytes)), Some(bytes), "{text}");
        }
    }

    #[test]
    fn anything_else_is_not() {
        for text in [
            "",
            "MiB",
            "-1MiB",
            "1.5GiB",
            "1 GiB",
            "1G",
            "1gib",
            "64Mib",
            "99999999999999999999",
            "18446744073709551615KiB",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
