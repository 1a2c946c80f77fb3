//! Lengths of time, as they are typed: `30s`, `10m`, `1h30m`, `1d`.

use std::str::FromStr;
use std::time::Duration;

use archiver::moment::parse_duration;
use serde::Deserialize;

/// A length of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Length(pub Duration);

impl Length {
    /// A day of 24 hours.
    pub const DAY: Self = Self(Duration::from_hours(24));

    /// A minute.
    pub const MINUTE: Self = Self(Duration::from_mins(1));

    /// In milliseconds.
    pub fn ms(self) -> i64 {
        i64::try_from(self.0.as_millis()).unwrap_or(i64::MAX)
    }
}

impl FromStr for Length {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let duration = parse_duration(text);
        let duration = duration.ok_or("not a duration; write 30s, 10m or 1h30m")?;
        Ok(Self(duration))
    }
}

impl TryFrom<String> for Length {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map_err(|e| format!("{text:?} is {e}"))
    }
}
