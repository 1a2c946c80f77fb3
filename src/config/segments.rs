//! How an archive is cut into segments: their names, and when one ends.

use archiver_format::template::{PLACEHOLDERS, Template, TemplateError, with_sequence};

use super::built::{Existing, OnSeal, Retention, Rotation};
use super::key_kind::{Key, Kind};
use super::keys::{
    EXISTING, KEEP, KEEP_SIZE, ON_SEAL, ON_SEAL_TIMEOUT, ROTATE, ROTATE_EVERY, ROTATE_IDLE,
    ROTATE_MIN_SIZE, ROTATE_RECORDS, ROTATE_SIZE, SEAL_ON_STOP, TIMEZONE,
};
use super::name;
use super::pattern_topics;
use super::problem::{Problem, Text};
use super::table::Table;
use super::walk::Walker;
use crate::terminal::nearest;

/// The names of an archive's segments, with its topic and its name filled in; nothing if they aren't known.
pub(super) fn template(
    walker: &mut Walker<'_>,
    file: &Text,
    (topic, name): (Option<&Text>, Option<&Text>),
    (own, defaults): (&Table, &Table),
) -> Option<Template> {
    let zone = own.get(&TIMEZONE).or(defaults.get(&TIMEZONE))?;
    let filled = Template::parse(&file.value).and_then(|template| match (topic, name) {
        (Some(topic), Some(name)) if name::is_valid(&topic.value) => {
            template.with(&topic.value, &name.value).map(Some)
        }
        _ => Ok(template.is_fixed().then_some(template)),
    });
    match filled {
        Ok(template) => template.map(|template| template.in_zone(zone.clone())),
        Err(error) => {
            walker.report(refused(file, &error));
            None
        }
    }
}

/// A topic that nobody has, for what is checked of a pattern before there are any.
const SOME_TOPIC: &str = "a-topic-that-is-not-there";

/// The names of the segments of a pattern's archives, in which nothing is filled in; and the same filled in for some
/// topic.
pub(super) fn pattern_template(
    walker: &mut Walker<'_>,
    file: &Text,
    name: &str,
    (own, defaults): (&Table, &Table),
) -> Option<(Template, Template)> {
    let zone = own.get(&TIMEZONE).or(defaults.get(&TIMEZONE))?;
    let parsed = Template::parse(&file.value).and_then(|template| {
        let filled = template.with(SOME_TOPIC, &name.replace(pattern_topics::TOPIC, SOME_TOPIC))?;
        Ok((template, filled))
    });
    match parsed {
        Ok((template, filled)) if template.has_topic() => {
            Some((template.in_zone(zone.clone()), filled))
        }
        Ok(_) => {
            let message = "`topic_pattern` needs `{topic}` in `file`, so that each topic has a file of its own";
            let add = "add `{topic}` to the file's name";
            let example = "`file = \"save_data/{topic}.ndjson\"`";
            let problem = Problem::at(&file.span, message);
            walker.report(problem.help(format!("{add}, as in {example}")));
            None
        }
        Err(error) => {
            walker.report(refused(file, &error));
            None
        }
    }
}

/// What is wrong with a template. What came from elsewhere is not told.
fn refused(file: &Text, error: &TemplateError) -> Problem {
    let problem = |message: String| Problem::at(&file.span, message);
    match error {
        TemplateError::Unknown { name, column } if file.is_shown() => {
            let name_of = |placeholder: &&'static str| {
                let end = placeholder.find([':', '}']).unwrap_or(placeholder.len());
                &placeholder[1..end]
            };
            let meant = nearest(name, PLACEHOLDERS.iter().map(name_of));
            let label = meant.map(|meant| format!("did you mean `{{{meant}}}`?"));
            let message = format!("unknown placeholder `{{{name}}}` in column {column}");
            problem(message)
                .label(label.unwrap_or_default())
                .help(format!(
                    "known are {}; `{{{{` is a brace",
                    PLACEHOLDERS.join(", ")
                ))
        }
        TemplateError::Unknown { column, .. } => {
            problem(format!("unknown placeholder in column {column}"))
        }
        TemplateError::Conversion { column, .. } if !file.is_shown() => problem(format!(
            "no conversion of a time that a path can have, in column {column}"
        )),
        TemplateError::NoSequence { .. } => problem(error.to_string()).help(sequence_added(file)),
        error => problem(error.to_string()),
    }
}

/// What to type for numbers in the names.
fn sequence_added(file: &Text) -> String {
    let add = "add `{seq:06}` to the file's name";
    match file.is_shown() {
        true => format!("{add}: `file = \"{}\"`", with_sequence(&file.value)),
        false => add.to_owned(),
    }
}

/// When an archive's segments end. Its own `rotate` takes the place of the whole table in `[defaults]`.
pub(super) fn rotation(own: &Table, defaults: &Table) -> Rotation {
    let Some(rotate) = own.get(&ROTATE).or(defaults.get(&ROTATE)) else {
        return Rotation::default();
    };
    Rotation {
        bytes: rotate.get(&ROTATE_SIZE).copied(),
        records: rotate.get(&ROTATE_RECORDS).copied().map(u64::from),
        every: rotate.get(&ROTATE_EVERY).copied(),
        idle: rotate.get(&ROTATE_IDLE).copied(),
        bytes_min: rotate.get(&ROTATE_MIN_SIZE).copied().unwrap_or_default(),
    }
}

/// Which of an archive's sealed segments are deleted. Without `{seq}` none is ever sealed.
pub(super) fn retention(template: &Template, own: &Table, defaults: &Table) -> Retention {
    match template.has_sequence() {
        true => Retention {
            age: own.get(&KEEP).or(defaults.get(&KEEP)).copied(),
            bytes: own.get(&KEEP_SIZE).or(defaults.get(&KEEP_SIZE)).copied(),
        },
        false => Retention::default(),
    }
}

/// What each sealed segment is handed over to. An archive's empty list takes away the command in `[defaults]`.
pub(super) fn on_seal(own: &Table, defaults: &Table) -> Option<OnSeal> {
    let words = own.get(&ON_SEAL).or(defaults.get(&ON_SEAL))?;
    let timeout = own
        .get(&ON_SEAL_TIMEOUT)
        .or(defaults.get(&ON_SEAL_TIMEOUT))?;
    (!words.is_empty()).then(|| OnSeal {
        words: words.clone(),
        timeout: *timeout,
    })
}

/// What stands in the `rotate` of a table must go together.
pub(super) fn check_rotate(walker: &mut Walker<'_>, table: &Table) {
    let Some(rotate) = table.get(&ROTATE) else {
        return;
    };
    let (Some(least), size) = (rotate.at(&ROTATE_MIN_SIZE), rotate.at(&ROTATE_SIZE)) else {
        return;
    };
    if rotate.get(&ROTATE_EVERY).is_none() {
        let problem = Problem::at(&least.span, "`min_size` without `every`");
        walker.report(problem.help("it only keeps `every` from cutting small segments"));
    } else if let Some(size) = size
        && size.value < least.value
    {
        let problem = Problem::at(&least.span, "`min_size` is larger than `size`");
        walker.report(problem.also(&size.span, "a segment ends here in any case"));
    }
}

/// What an archive asks of its segments must be possible with their names.
pub(super) fn check(
    walker: &mut Walker<'_>,
    file: &Text,
    template: &Template,
    own: &Table,
    defaults: &Table,
) {
    if !template.has_sequence() {
        if !rotation(own, defaults).is_never() {
            walker.report(needs_sequence(file, &ROTATE, "{}", own, defaults));
        }
        // In `[defaults]` they count for the archives that have segments to delete.
        if own.get(&KEEP).is_some() {
            walker.report(needs_sequence(file, &KEEP, "", own, defaults));
        }
        if own.get(&KEEP_SIZE).is_some() {
            walker.report(needs_sequence(file, &KEEP_SIZE, "", own, defaults));
        }
        if own.get(&SEAL_ON_STOP).or(defaults.get(&SEAL_ON_STOP)) == Some(&true) {
            walker.report(needs_sequence(file, &SEAL_ON_STOP, "false", own, defaults));
        }
        if on_seal(own, defaults).is_some() {
            walker.report(needs_sequence(file, &ON_SEAL, "[]", own, defaults));
        }
    }
    if let Some(timeout) = own.at(&ON_SEAL_TIMEOUT)
        && on_seal(own, defaults).is_none()
    {
        let problem = Problem::at(&timeout.span, "`on_seal_timeout` without `on_seal`");
        walker.report(problem.help("leave it out, or say in `on_seal` which command is run"));
    }
    if let Some(existing) = own.at(&EXISTING)
        && *existing.value == Existing::Append
        && !template.is_fixed()
    {
        walker.report(
            Problem::at(
                &existing.span,
                "`existing = \"append\"` with a placeholder in `file`",
            )
            .also(&file.span, "names of segments, which are new files each")
            .help("leave it out"),
        );
    }
}

/// A key begins new segments, and their names would be the same.
fn needs_sequence<K: Kind>(
    file: &Text,
    key: &Key<K>,
    off: &str,
    own: &Table,
    defaults: &Table,
) -> Problem {
    let name = key.name;
    let message = format!("`{name}` needs `{{seq}}` in `file`, or two segments could get one name");
    let problem = match (own.at(key), defaults.at(key)) {
        (Some(own), _) => Problem::at(&own.span, message).also(&file.span, "without `{seq}`"),
        (None, Some(default)) => Problem::at(&file.span, message)
            .label("without `{seq}`")
            .also(&default.span, "for every archive")
            .help(format!("or write `{name} = {off}` for this archive")),
        (None, None) => Problem::at(&file.span, message),
    };
    problem.help(sequence_added(file))
}
