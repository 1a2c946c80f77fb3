//! Sizes: `"64MiB"`, `"1GiB"`, `"500MB"`, `"1073741824"`.

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
pub(super) fn parse(text: &str) -> Option<u64> {
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
