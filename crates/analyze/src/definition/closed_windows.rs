//! The queries of an analysis that is followed: what has come since the last look, and which windows that closes.
//!
//! Windows are closed by a watermark: a time behind which no record is expected any more. Rows of closed windows stand in
//! two tables: [`CLOSED_NOW`], and [`CLOSED_BEFORE`] with those of earlier looks that later ones need. They have the columns
//! of `windowed` (see [`sql`](super::sql)), without rows for empty windows.
//!
//! A session is closed by more than a watermark at its end: a record exactly there would go on with it. The records of a
//! closed one, and those that came too late for it, are told from those of open ones by time: they are at or before the end
//! of the last closed session of their group, or before the first record of any open one, the floor.

use super::sql::{
    answered, behind, filled, groups, in_windows, partition, placed_with, steps, timed,
};
use super::{Analysis, Detection, Dialect, Window, Windows, points};

/// The windows that this look closes.
pub const CLOSED_NOW: &str = "closed_now";
/// Windows that earlier ones have closed.
pub const CLOSED_BEFORE: &str = "closed_before";

const HERE: Dialect = Dialect::DataFusion;
/// Where a record was.
const PLACE: &str = ", \"partition\" AS record_partition, \"offset\" AS record_offset";
/// Before any time.
const NEVER: i64 = i64::MIN / 2;

/// What earlier looks have closed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Frontier {
    /// Up to this watermark, in milliseconds since 1970.
    pub watermark: Option<i64>,
    /// Sessions: each record of an open one is at this time or later.
    pub floor: Option<i64>,
    /// Is there a table of windows that were closed?
    pub has_before: bool,
}

impl Frontier {
    /// The table with windows that were closed, if there is one.
    fn before(self) -> Option<&'static str> {
        self.has_before.then_some(CLOSED_BEFORE)
    }

    /// Windows with this end or an earlier one are closed.
    fn last_end(self, windows: &Windows) -> i64 {
        last_end(self.watermark.unwrap_or(NEVER), windows.window)
    }
}

fn last_end(watermark: i64, window: Window) -> i64 {
    match window {
        Window::Session { .. } => watermark - 1,
        _ => watermark,
    }
}

/// May there be a window that the second watermark closes and the first doesn't?
pub fn may_close(window: Window, from: Option<i64>, to: i64) -> bool {
    let Some((size, every)) = window.size_and_every() else {
        return from.is_none_or(|from| from < to);
    };
    let offset = match window {
        Window::Tumbling { offset, .. } | Window::Sliding { offset, .. } => offset,
        Window::Session { .. } => 0,
    };
    let ends = |watermark: i64| (watermark - offset - size).div_euclid(every);
    from.is_none_or(|from| ends(from) < ends(to))
}

/// The earliest and the latest time of records in each partition, also of those that the filter leaves out; and how many
/// of those that it lets through have none.
pub fn times(of: &Analysis) -> String {
    let all = Analysis {
        filter: None,
        ..of.clone()
    };
    let passes = match &of.filter {
        Some(filter) => HERE.condition(filter),
        None => "TRUE".to_owned(),
    };
    let timed = timed(&all, &format!("{PLACE}, ({passes}) AS passes"), HERE);
    format!(
        "SELECT record_partition, min(event_ms) AS earliest, max(event_ms) AS latest, \
         count(*) FILTER (WHERE event_ms IS NULL AND passes) AS untimed FROM ({timed}) AS timed GROUP BY record_partition"
    )
}

/// How many records came when a window of theirs was closed.
pub fn late(of: &Analysis, windows: &Windows, closed: Frontier) -> String {
    let placed = placed_with(of, PLACE, HERE);
    if let Window::Session { .. } = windows.window {
        let (join, is_open) = open_sessions(of, closed.floor, closed.before());
        return format!(
            "SELECT count(*) AS late FROM ({placed}) AS placed{join} WHERE NOT ({is_open})"
        );
    }
    let in_windows = in_windows(of, windows.window);
    let last = closed.last_end(windows);
    format!(
        "WITH placed AS ({placed}), in_windows AS ({in_windows}) SELECT count(*) AS late FROM \
         (SELECT DISTINCT record_partition, record_offset FROM in_windows WHERE window_end <= {last}) AS late"
    )
}

/// The windows that a watermark closes.
pub fn closing(of: &Analysis, windows: &Windows, closed: Frontier, to: i64) -> String {
    let (placed, in_windows) = still_open(of, windows, closed, closed.before());
    let only = format!(
        "SELECT * FROM ({in_windows}) AS open_before WHERE window_end <= {}",
        last_end(to, windows.window)
    );
    let steps = steps(of, windows, (&placed, &only), HERE);
    format!("WITH {steps}\nSELECT * FROM windowed")
}

/// Of each partition, the lowest offset of a record in a window that a watermark leaves open, and the earliest time at which
/// one of those begins.
pub fn open(of: &Analysis, windows: &Windows, closed: Frontier, to: i64) -> String {
    let all = format!("({}) AS closed", all_closed(of, windows, closed.has_before));
    let (placed, in_windows) = still_open(of, windows, closed, Some(&all));
    format!(
        "WITH placed AS ({placed}), in_windows AS ({in_windows}) \
         SELECT record_partition, min(record_offset) AS low, min(window_start) AS first \
         FROM in_windows WHERE window_end > {} GROUP BY record_partition",
        last_end(to, windows.window)
    )
}

/// The records of windows that weren't closed before, and these windows. Sessions among the closed ones are left out.
fn still_open(
    of: &Analysis,
    windows: &Windows,
    closed: Frontier,
    sessions: Option<&str>,
) -> (String, String) {
    let placed = placed_with(of, PLACE, HERE);
    let in_windows = in_windows(of, windows.window);
    match windows.window {
        Window::Session { .. } => {
            let (join, is_open) = open_sessions(of, closed.floor, sessions);
            let open = format!("SELECT placed.* FROM ({placed}) AS placed{join} WHERE {is_open}");
            (open, in_windows)
        }
        _ => {
            let last = closed.last_end(windows);
            let open =
                format!("SELECT * FROM ({in_windows}) AS all_windows WHERE window_end > {last}");
            (placed, open)
        }
    }
}

/// What joins records with the last closed session of their group, and whether they are of an open one.
fn open_sessions(of: &Analysis, floor: Option<i64>, closed: Option<&str>) -> (String, String) {
    let floor = floor.unwrap_or(NEVER);
    match closed {
        Some(closed) => (
            lasts(of, closed),
            format!("event_ms >= {floor} AND (last_end_ms IS NULL OR event_ms > last_end_ms)"),
        ),
        None => (String::new(), format!("event_ms >= {floor}")),
    }
}

/// Joins rows with the last window of their group among these closed ones.
fn lasts(of: &Analysis, closed: &str) -> String {
    let groups = groups(of);
    let last = |group: &String| format!("last_{group}");
    let named = groups
        .iter()
        .map(|group| format!("{group} AS {}, ", last(group)));
    let named = named.collect::<String>();
    let by = match groups.is_empty() {
        true => String::new(),
        false => format!(" GROUP BY {}", groups.join(", ")),
    };
    let same = groups
        .iter()
        .map(|group| format!("{group} IS NOT DISTINCT FROM {}", last(group)));
    let same = same.collect::<Vec<_>>().join(" AND ");
    let same = if same.is_empty() { "TRUE" } else { &same };
    format!(
        " LEFT JOIN (SELECT {named}max(window_start) AS last_ms, max(window_end) AS last_end_ms FROM {closed}{by}) AS lasts ON {same}"
    )
}

/// All closed windows that there are rows of.
fn all_closed(of: &Analysis, windows: &Windows, has_before: bool) -> String {
    let columns = columns(of, windows);
    match has_before {
        true => format!(
            "SELECT {columns} FROM {CLOSED_BEFORE} UNION ALL SELECT {columns} FROM {CLOSED_NOW}"
        ),
        false => format!("SELECT {columns} FROM {CLOSED_NOW}"),
    }
}

fn columns(of: &Analysis, windows: &Windows) -> String {
    let measures = of.values.len() * windows.aggregates.len();
    let measures = (0..measures).map(super::sql::measure_column);
    let columns = groups(of).into_iter().chain(measures).collect::<Vec<_>>();
    format!("window_start, window_end{}", behind(&columns))
}

/// The steps to closed windows, with rows for empty ones where they are asked for, and the name of the last step.
fn closed_steps(of: &Analysis, windows: &Windows, has_before: bool) -> (String, &'static str) {
    let closed = all_closed(of, windows, has_before);
    match filled(of, windows, HERE) {
        Some(filled) => (format!("windowed AS ({closed}),\n{filled}"), "filled"),
        None => (format!("windowed AS ({closed})"), "windowed"),
    }
}

/// The rows of the windows that were closed now, as they are answered.
pub fn rows(of: &Analysis, windows: &Windows, has_before: bool) -> String {
    let (steps, relation) = closed_steps(of, windows, has_before);
    let from = match has_before {
        true => format!(
            "{relation}{} WHERE last_ms IS NULL OR window_start > last_ms",
            lasts(of, CLOSED_BEFORE)
        ),
        false => relation.to_owned(),
    };
    format!("WITH {steps}\n{}", answered(of, windows, &from, HERE))
}

/// The points of all closed windows that there are rows of: see [`points`].
pub fn closed_points(of: &Analysis, windows: &Windows, has_before: bool) -> String {
    let (steps, relation) = closed_steps(of, windows, has_before);
    format!("WITH {steps}\n{}", points::of_windows(of, relation))
}

/// The anomalous ones among the points of windows that were closed now.
pub fn anomalies(of: &Analysis, points: &str, has_before: bool) -> String {
    let only = match has_before {
        true => format!(
            "{} WHERE score > 1 AND (last_ms IS NULL OR t > last_ms) ",
            lasts(of, CLOSED_BEFORE)
        ),
        false => "WHERE score > 1 ".to_owned(),
    };
    points::answered(of, points, &only, HERE)
}

/// Those of the closed windows that later looks need, if there are any such: by which anomalies are judged, after which empty
/// ones come, and which tell records of closed sessions from others.
pub fn kept(of: &Analysis, windows: &Windows, closed: Frontier) -> Option<String> {
    let watermark = closed.watermark?;
    let mut conditions = Vec::new();
    let since = of.detection.map(|Detection { history, .. }| {
        // The next window begins no earlier than this.
        let next = match windows.window.size_and_every() {
            Some((size, _)) => watermark.saturating_sub(size),
            None => closed.floor.unwrap_or(watermark),
        };
        next.saturating_sub(history.ms())
    });
    conditions.extend(since.map(|since| format!("window_start >= {since}")));
    match windows.window {
        Window::Session { .. } => {
            let floor = closed.floor.unwrap_or(watermark);
            conditions.push(format!("window_end >= {floor}"));
        }
        _ if windows.fill.is_some() => {
            // Empty ones begin behind the last window before the history, too.
            let begun = since.map_or_else(String::new, |since| format!(" OR next_ms > {since}"));
            conditions.push(format!("next_ms IS NULL{begun}"));
        }
        _ => {}
    }
    if conditions.is_empty() {
        return None;
    }
    let by = partition(&groups(of));
    Some(format!(
        "SELECT {columns} FROM (SELECT closed.*, lead(window_start) OVER ({by}ORDER BY window_start) AS next_ms FROM ({all}) AS closed) AS marked WHERE {only}",
        columns = columns(of, windows),
        all = all_closed(of, windows, closed.has_before),
        only = conditions.join(" OR "),
    ))
}

#[cfg(test)]
mod tests;
