//! What the lines of a file hold of their records.

use archiver_format::line::Format;

use super::key_kind::{Key, Kind};
use super::keys::{FORMAT, Lines, NEWLINE, VALUE_AS};
use super::problem::Problem;
use super::table::Table;
use super::walk::Walker;

/// The format of one archive, from its own keys and the defaults. A default for the other format is for others.
pub(super) fn settle(walker: &mut Walker<'_>, own: &Table, defaults: &Table) -> Option<Format> {
    let lines = own.at(&FORMAT).or(defaults.at(&FORMAT))?;
    Some(match lines.value {
        Lines::Raw => {
            let help = "leave it out, or add `format = \"json\"`";
            refuse(
                walker,
                own,
                &VALUE_AS,
                "`value_as` without `format = \"json\"`",
                help,
            );
            Format::Raw(*own.get(&NEWLINE).or(defaults.get(&NEWLINE))?)
        }
        Lines::Json => {
            let help = "leave it out: in JSON no newline can be inside a value";
            refuse(
                walker,
                own,
                &NEWLINE,
                "`newline` with `format = \"json\"`",
                help,
            );
            Format::Json(*own.get(&VALUE_AS).or(defaults.get(&VALUE_AS))?)
        }
    })
}

/// Reports a key that the archive has itself and that means nothing in its format.
fn refuse<K: Kind>(walker: &mut Walker<'_>, own: &Table, key: &Key<K>, message: &str, help: &str) {
    if let Some(typed) = own.at(key) {
        walker.report(Problem::at(&typed.span, message).help(help));
    }
}
