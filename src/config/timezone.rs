//! Time zones: `"UTC"`, `"Europe/Berlin"`, `"local"`.

use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};

use super::key_kind::Kind;
use super::problem::{Problem, Text};
use super::walk::{Toml, Walker};
use crate::moment::{LOCAL, nearest_zone, zone};

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
