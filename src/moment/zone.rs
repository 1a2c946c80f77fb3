//! Zones: whose clock is meant, as people type it on the command line.

use std::str::FromStr;

use jiff::Zoned;
use jiff::tz::TimeZone;

use crate::config::{nearest_zone, zone};

/// A time zone that was typed: an IANA name, or `local`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(pub TimeZone);

impl Zone {
    /// The time by its clock.
    pub fn now(&self) -> Zoned {
        Zoned::now().with_time_zone(self.0.clone())
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("local")
    }
}

impl Default for Zone {
    /// That of the machine.
    fn default() -> Self {
        Self(TimeZone::system())
    }
}

impl FromStr for Zone {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        zone(name).map(Self).ok_or_else(|| match nearest_zone(name) {
            Some(meant) => format!("no time zone that is known here; did you mean {meant}?"),
            None => "no time zone that is known here; write an IANA name such as Europe/Berlin, UTC, or local".to_owned(),
        })
    }
}
