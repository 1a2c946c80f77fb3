//! Time zones: `"UTC"`, `"Europe/Berlin"`, `"local"`.

use jiff::tz::{self, TimeZone};
use serde_json::{Value as Json, json};

use super::did_you_mean::nearest;
use super::key_kind::Kind;
use super::problem::{Problem, Text};
use super::walk::{Toml, Walker};

/// The zone of the machine.
const LOCAL: &str = "local";

/// Zones by their names in the IANA database: that of the system or, where it has none, the one that is built in.
pub(super) struct Zones;

impl Kind for Zones {
    type Value = TimeZone;

    fn read(&self, walker: &mut Walker<'_>, _: &str, value: &Toml<'_>) -> Option<TimeZone> {
        let text = walker.text(value, "a time zone such as \"Europe/Berlin\"")?;
        let found = zone(&text.value);
        if found.is_none() {
            walker.report(unknown(&text));
        }
        found
    }

    fn limits(&self) -> String {
        format!("an IANA name such as `\"Europe/Berlin\"`, or `\"{LOCAL}\"`")
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "minLength": 1 })
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

fn unknown(text: &Text) -> Problem {
    if text.value == LOCAL {
        return Problem::at(&text.span, "the time zone of this machine is not known")
            .help("set TZ, let /etc/localtime lead to a zone, or write its name here, such as \"Europe/Berlin\"");
    }
    let meant = nearest_zone(&text.value).filter(|_| text.is_shown());
    let label = meant.map(|meant| format!("did you mean \"{meant}\"?"));
    let message = format!("{} is no time zone that is known here", text.quoted());
    let problem = Problem::at(&text.span, message).label(label.unwrap_or_default());
    problem.help("an IANA name such as \"Europe/Berlin\", as in /usr/share/zoneinfo, or \"UTC\", or \"local\"")
}
