//! The picture of the process in lines of a terminal.

use crate::observe::snapshot::{Archive, Process, Snapshot, State, Totals};
use crate::terminal::{
    Align, Style, Styles, Table, bytes, grouped, line_width, short, span, time, wrapped,
};

/// The process, then a table of its archives: those that need a look come first.
pub(super) fn lines(styles: Styles, snapshot: &Snapshot) -> Vec<String> {
    let Snapshot {
        process,
        totals,
        archives,
        ..
    } = snapshot;
    let mut lines = head(styles, process, totals, archives.len());
    lines.push(String::new());
    if archives.is_empty() {
        lines.push("no archives yet".into());
        return lines;
    }
    let columns = [
        ("ARCHIVE", Align::Left),
        ("STATE", Align::Left),
        ("REC/S", Align::Right),
        ("BYTES/S", Align::Right),
        ("LAG", Align::Right),
        ("BEHIND", Align::Right),
        ("SIZE", Align::Right),
        ("SAVED", Align::Right),
    ];
    let mut table = Table::new(styles, &columns);
    let mut sorted = archives.iter().collect::<Vec<_>>();
    sorted.sort_by_key(|archive| urgency(archive.state, archive.is_well()));
    for archive in sorted {
        row(&mut table, process.now_ms, archive);
    }
    lines.extend(table.lines());
    lines
}

/// The worst is the least: those that need somebody, those that are held up, those that may lose something soon.
fn urgency(state: State, is_well: bool) -> u8 {
    match state {
        State::Stopped => 0,
        State::Stalled => 1,
        State::Waiting => 2,
        _ if !is_well => 3,
        _ => 4,
    }
}

fn head(styles: Styles, process: &Process, totals: &Totals, archives: usize) -> Vec<String> {
    let memory = process.memory_bytes.map_or_else(String::new, |memory| {
        let limit = bytes(process.memory_limit_bytes);
        format!(", {} of memory (records: {limit} at most)", bytes(memory))
    });
    let mut said = vec![(
        Style::Plain,
        format!(
            "archiver {}, up {}, {}{memory}",
            process.program_version,
            span(process.uptime_seconds),
            time(Some(process.now_ms)),
        ),
    )];
    let states = &totals.states;
    let counted = [
        (State::Stopped, states.stopped),
        (State::Stalled, states.stalled),
        (State::Waiting, states.waiting),
        (State::Starting, states.starting),
        (State::Running, states.running),
        (State::CaughtUp, states.caught_up),
        (State::Done, states.done),
    ];
    let counted = counted.into_iter().filter(|(_, count)| *count > 0);
    let counted = counted.map(|(state, count)| format!("{} {}", grouped(count), state.words()));
    let counted = counted.collect::<Vec<_>>().join(", ");
    let noun = if archives == 1 { "archive" } else { "archives" };
    let behind = match totals.lag_records {
        Some(records) => format!("{} records behind", short(records)),
        None => "lag unknown".into(),
    };
    said.push((
        Style::Plain,
        format!(
            "{} {noun}: {counted}; {} records/s, {}/s written, {behind}",
            grouped(archives as u64),
            short(totals.records_per_second as u64),
            bytes(totals.written_bytes_per_second as u64),
        ),
    ));
    for cluster in &process.clusters {
        if let Some(trouble) = &cluster.trouble {
            said.push((Style::Bad, format!("cluster {}: {trouble}", cluster.name)));
        }
    }
    for disk in process.disks.iter().filter(|disk| !disk.is_well()) {
        let free = bytes(disk.free_bytes);
        let full = match (disk.is_low, disk.full_in_seconds) {
            (true, _) => "nothing is written to it".to_owned(),
            (_, Some(seconds)) => format!("full in about {}", span(seconds)),
            (_, None) => continue,
        };
        said.push((
            Style::Bad,
            format!("disk of {}: {free} free, {full}", disk.path),
        ));
    }
    let width = line_width();
    let painted = said.iter().flat_map(|(style, text)| {
        let lines = wrapped(text, width).into_iter();
        lines.map(|line| styles.paint(*style, &line))
    });
    painted.collect()
}

fn row(table: &mut Table, now_ms: i64, archive: &Archive) {
    let seconds = |ms: i64| (now_ms - ms) as f64 / 1000.0;
    let style = match archive.state {
        State::Running | State::CaughtUp => Style::Good,
        State::Waiting | State::Stalled | State::Stopped => Style::Bad,
        State::Starting | State::Done => Style::Plain,
    };
    let known = |text: Option<String>| (Style::Plain, text.unwrap_or_else(|| "-".into()));
    table.row(vec![
        (Style::Plain, archive.name.clone()),
        (style, archive.state.words().into()),
        known(Some(short(archive.records_per_second as u64))),
        known(Some(bytes(archive.plain_bytes_per_second as u64))),
        known(archive.lag_records.map(short)),
        known(archive.lag_seconds.map(span)),
        known(archive.disk_bytes.map(bytes)),
        known(archive.last_checkpoint_ms.map(|ms| span(seconds(ms)))),
    ]);
    let mut note = |style: Style, text: &str| {
        for line in wrapped(text, line_width().saturating_sub(2)) {
            table.note(style, line);
        }
    };
    if let Some(why) = &archive.why {
        note(Style::Bad, why);
    }
    if archive.is_overtaken_soon {
        let when = archive.retention_headroom_seconds.map(span);
        let when = when.map_or_else(|| "soon".into(), |when| format!("in about {when}"));
        note(
            Style::Bad,
            &format!("Kafka will delete records before they are taken, {when}"),
        );
    }
    if archive.gaps.count > 0 {
        let gaps = if archive.gaps.count == 1 {
            "gap"
        } else {
            "gaps"
        };
        let (count, records) = (archive.gaps.count, short(archive.gaps.records));
        note(
            Style::Bad,
            &format!(
                "{count} {gaps} since the start, {records} records: archiver gaps {}",
                archive.name
            ),
        );
    }
    if let Some(error) = &archive.last_error
        && archive
            .why
            .as_ref()
            .is_none_or(|why| !error.text.contains(why.as_str()))
    {
        let ago = span(seconds(error.at_ms));
        note(Style::Dim, &format!("{ago} ago: {}", error.text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_comes_first_and_what_is_well_stays_in_its_order() {
        let mut archives = [
            (State::CaughtUp, true),
            (State::Running, false),
            (State::Waiting, false),
            (State::Running, true),
            (State::Stopped, false),
            (State::Stalled, false),
        ];
        archives.sort_by_key(|(state, is_well)| urgency(*state, *is_well));
        let states = archives.map(|(state, _)| state);
        let expected = [
            State::Stopped,
            State::Stalled,
            State::Waiting,
            State::Running,
            State::CaughtUp,
            State::Running,
        ];
        assert_eq!(states, expected);
    }
}
