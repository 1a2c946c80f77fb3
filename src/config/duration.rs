//! Keys whose values are durations.

use std::time::Duration;

use serde_json::Value as Json;

use super::key_kind::Kind;
use super::problem::Problem;
use super::schema;
use super::walk::{Toml, Walker};
use crate::moment::{parse_duration as parse, show_duration as show};

const DAY: Duration = Duration::from_hours(24);

/// Durations within limits.
pub(super) struct Durations(pub Duration, pub Duration);

impl Kind for Durations {
    type Value = Duration;

    fn read(&self, walker: &mut Walker<'_>, key: &str, value: &Toml<'_>) -> Option<Duration> {
        let text = walker.text(value, "a duration such as \"1s\"")?;
        let Some(found) = parse(&text.value) else {
            let message = format!("{} is not a duration", text.quoted());
            walker.report(Problem::at(&text.span, message).help(
                "whole numbers with a unit each (d, h, m, s, ms), such as \"500ms\", \"1s\" or \"1m30s\"",
            ));
            return None;
        };
        if found < self.0 || self.1 < found {
            let problem = Problem::at(&text.span, format!("`{key}` is out of its limits"));
            walker.report(problem.label(format!("{} are possible", Kind::limits(self))));
            return None;
        }
        Some(found)
    }

    fn limits(&self) -> String {
        format!("{} to {}", show(self.0), show(self.1))
    }

    fn schema(&self) -> Json {
        schema::text_like("([0-9]+(d|h|m|s|ms))+")
    }
}

/// Durations that the clock on the wall is divided by: they divide a day, or are whole days.
pub(super) struct Aligned;

/// Durations that people would divide time by. What is longer than a year is hardly meant.
const ALIGNED: Durations = Durations(Duration::from_secs(1), Duration::from_hours(366 * 24));

impl Kind for Aligned {
    type Value = Duration;

    fn read(&self, walker: &mut Walker<'_>, key: &str, value: &Toml<'_>) -> Option<Duration> {
        let found = ALIGNED.read(walker, key, value)?;
        let (found_ms, day_ms) = (found.as_millis(), DAY.as_millis());
        if !day_ms.is_multiple_of(found_ms) && !found_ms.is_multiple_of(day_ms) {
            let message = format!("`{key}` neither divides a day nor is whole days");
            walker.report(Problem::at(&value.span(), message).help(
                "it follows the clock, day by day: write \"15m\", \"1h\", \"6h\" or \"1d\", for example",
            ));
            return None;
        }
        Some(found)
    }

    fn limits(&self) -> String {
        "what divides a day, from 1s, or whole days".to_owned()
    }

    fn schema(&self) -> Json {
        Kind::schema(&ALIGNED)
    }
}
