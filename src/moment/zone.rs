//! Zones: whose clock is meant.

use std::str::FromStr;

use jiff::Zoned;
use jiff::tz::{self, TimeZone};

use crate::terminal::nearest;

/// The zone of the machine.
pub const LOCAL: &str = "local";

/// A time zone that was typed: an IANA name, or `local`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(pub TimeZone);

impl Zone {
    /// That of the machine. Where nothing says which it is, it is UTC.
    ///
    /// # Errors
    ///
    /// What stands in the environment, if that is none.
    pub fn of_machine() -> Result<Self, String> {
        let tz = std::env::var("TZ").ok().filter(|tz| !tz.is_empty());
        match (TimeZone::try_system(), tz) {
            (Err(_), Some(tz)) => Err(tz),
            _ => Ok(Self::default()),
        }
    }

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

/// The zone of this name, or of the machine.
pub fn zone(name: &str) -> Option<TimeZone> {
    match name {
        "UTC" => Some(TimeZone::UTC),
        LOCAL => TimeZone::try_system().ok(),
        name => TimeZone::get(name).ok(),
    }
}

/// A zone that was meant by a name that none has; `None` if that can't be told.
pub fn nearest_zone(name: &str) -> Option<String> {
    let known = tz::db().available().map(|name| name.to_string());
    let known = known.collect::<Vec<_>>();
    let known = known.iter().map(String::as_str).chain([LOCAL]);
    nearest(name, known).map(str::to_owned)
}
