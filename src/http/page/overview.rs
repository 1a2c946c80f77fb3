//! The page of all archives.

use super::document::document;
use super::html::Html;
use super::parts::news;
use super::spark::spark;
use crate::observe::snapshot::{Archive, Process, Snapshot, State, Totals};
use crate::terminal::{bytes, grouped, short, span};

/// A column of the table: its heading, and in which width of the window it is left out.
struct Column {
    name: &'static str,
    class: &'static str,
    /// What it means, where the heading is too short to say it.
    title: &'static str,
}

const fn column(name: &'static str, class: &'static str, title: &'static str) -> Column {
    Column { name, class, title }
}

const COLUMNS: [Column; 13] = [
    column("Archive", "text", "its name, topic and file"),
    column("State", "text", "what it does, and why it doesn't go on"),
    column(
        "Records/s",
        "num",
        "over the last seconds; the line is the last 10 minutes",
    ),
    column("Bytes/s", "num mid", "as lines, before compression"),
    column("Lag", "num", "records that wait in Kafka"),
    column(
        "Behind",
        "num mid",
        "how old the oldest record is that waits in Kafka",
    ),
    column(
        "Overtaken in",
        "num mid",
        "when Kafka will delete records that were not taken yet, if all goes on like this",
    ),
    column("Size", "num wide", "its segments on the disk"),
    column(
        "Ratio",
        "num wide",
        "how many times smaller the files are than their lines",
    ),
    column("Flush", "num wide", "how long ago something was written"),
    column(
        "Checkpoint",
        "num wide",
        "how long ago a checkpoint was stored",
    ),
    column("Segments", "num wide", "open, and sealed since the start"),
    column(
        "Gaps",
        "num mid",
        "how many, and how many records were lost in them in Kafka, since the start",
    ),
];

/// The page.
pub(in crate::http) fn overview(snapshot: &Snapshot) -> String {
    let Snapshot {
        process,
        totals,
        archives,
        ..
    } = snapshot;
    let unwell = archives.iter().filter(|archive| !archive.is_well());
    let title = match unwell.count() {
        0 => "archiver".to_owned(),
        count => format!("({count}) archiver"),
    };
    document(&title, |html| {
        html.raw("<a class=\"skip\" href=\"#archives\">Skip to the archives</a>\n<header><h1>archiver</h1>\n");
        news(html, process);
        html.raw("</header>\n<main>\n");
        tiles(html, process, totals, archives.len());
        machine(html, process);
        table(html, process, archives);
        html.raw("</main>\n");
    })
}

fn tiles(html: &mut Html, process: &Process, totals: &Totals, archives: usize) {
    html.raw("<section aria-label=\"Totals\" data-live=\"totals\"><dl class=\"tiles\">");
    html.raw("<div class=\"states\">")
        .element("dt", "Archives")
        .raw("<dd>")
        .raw(&grouped(archives as u64))
        .raw("<ul>");
    let states = &totals.states;
    for (state, count) in [
        (State::Running, states.running),
        (State::CaughtUp, states.caught_up),
        (State::Starting, states.starting),
        (State::Waiting, states.waiting),
        (State::Stalled, states.stalled),
        (State::Stopped, states.stopped),
        (State::Done, states.done),
    ] {
        if count > 0 {
            html.raw("<li class=\"state ").raw(state.name()).raw("\">");
            html.text(&format!("{} {}", grouped(count), state.words()));
            html.raw("</li>");
        }
    }
    html.raw("</ul></dd></div>");
    let unknown = || "unknown".to_owned();
    html.fact("Records/s", &short(totals.records_per_second as u64))
        .fact("Written/s", &bytes(totals.written_bytes_per_second as u64))
        .fact("Lag", &totals.lag_records.map_or_else(unknown, short))
        .fact("Records", &grouped(totals.records))
        .fact("Written", &bytes(totals.written_bytes));
    html.raw("<div>").element("dt", "Memory").raw("<dd>");
    html.text(&process.memory_bytes.map_or_else(|| "–".into(), bytes));
    let limit = bytes(process.memory_limit_bytes);
    html.element("small", &format!("limit for records {limit}"))
        .raw("</dd></div></dl></section>\n");
}

/// Clusters that don't answer, and disks.
fn machine(html: &mut Html, process: &Process) {
    html.raw(
        "<section aria-label=\"Clusters and disks\" data-live=\"machine\"><ul class=\"machine\">",
    );
    for cluster in &process.clusters {
        let brokers = cluster.brokers.len();
        let up = cluster.brokers.iter().filter(|broker| broker.is_up).count();
        html.raw(match &cluster.trouble {
            Some(_) => "<li class=\"bad\">",
            None => "<li>",
        });
        html.text(&format!("Cluster {}: ", cluster.name));
        match &cluster.trouble {
            Some(trouble) => html.text(trouble),
            None if brokers == 0 => html.text("no broker known yet"),
            None => html.text(&format!("{up} of {brokers} brokers connected")),
        };
        html.raw("</li>");
    }
    for disk in &process.disks {
        html.raw(match disk.is_well() {
            true => "<li>",
            false => "<li class=\"bad\">",
        });
        html.text(&format!(
            "Disk of {}: {} free",
            disk.path,
            bytes(disk.free_bytes)
        ));
        if disk.is_low {
            html.text(", which is too little: nothing is written to it");
        } else if let Some(seconds) = disk.full_in_seconds {
            let filling = bytes(disk.filling_bytes_per_second as u64);
            html.text(&format!(", full in about {} at {filling}/s", span(seconds)));
        }
        html.raw("</li>");
    }
    html.raw("</ul></section>\n");
}

fn table(html: &mut Html, process: &Process, archives: &[Archive]) {
    html.raw("<section id=\"archives\" aria-labelledby=\"heading\"><h2 id=\"heading\">Archives</h2>\n")
        .raw("<div id=\"tools\" hidden><label>Filter <input id=\"filter\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\"></label> ")
        .raw("<label>State <select id=\"state\"><option value=\"\">any</option><option value=\"unwell\">needs a look</option>");
    for state in State::ALL {
        let name = format!("option value=\"{}\"", state.name());
        html.element(&name, state.words());
    }
    html.raw("</select></label> <span id=\"shown\" role=\"status\"></span></div>\n")
        .raw("<div class=\"scroll\" role=\"region\" aria-label=\"Table of archives\" tabindex=\"0\"><table id=\"table\">\n<thead><tr>");
    for Column { name, class, title } in COLUMNS {
        html.raw("<th scope=\"col\" class=\"").raw(class);
        html.raw("\" title=\"").text(title).raw("\">").text(name);
        html.raw("</th>");
    }
    html.raw("</tr></thead>\n<tbody>\n");
    for archive in archives {
        row(html, process.now_ms, archive);
    }
    html.raw("</tbody></table></div>\n");
    if archives.is_empty() {
        html.element("p", "No archives yet.");
    }
    html.raw("</section>\n");
}

/// What is shown of a number that isn't known.
const UNKNOWN: &str = "–";

fn row(html: &mut Html, now_ms: i64, archive: &Archive) {
    html.raw("<tr data-name=\"").text(&archive.name);
    html.raw("\" data-state=\"")
        .raw(archive.state.name())
        .raw(if archive.is_well() {
            "\">"
        } else {
            "\" data-unwell>"
        });
    name(html, archive);
    state(html, now_ms, archive);
    let ago = |ms: Option<i64>| ms.map(|ms| (now_ms - ms) as f64 / 1000.0);
    let rate = archive.records_per_second;
    cell(html, 2, Some(rate), &short(rate as u64), |html| {
        if let Some(rates) = &archive.rates {
            spark(html, &rates.records_per_second, "spark");
        }
    });
    let plain = archive.plain_bytes_per_second;
    value(html, 3, Some(plain), |plain| bytes(plain as u64));
    value(html, 4, archive.lag_records.map(|lag| lag as f64), |lag| {
        short(lag as u64)
    });
    value(html, 5, archive.lag_seconds, span);
    let class = if archive.is_overtaken_soon {
        "alarm"
    } else {
        ""
    };
    let headroom = archive.retention_headroom_seconds;
    let shown = headroom.map_or_else(|| UNKNOWN.into(), span);
    cell(html, 6, headroom, "", |html| {
        html.raw("<span class=\"")
            .raw(class)
            .raw("\">")
            .text(&shown)
            .raw("</span>");
    });
    value(
        html,
        7,
        archive.disk_bytes.map(|size| size as f64),
        |size| bytes(size as u64),
    );
    value(html, 8, archive.compression_ratio, |ratio| {
        format!("{ratio:.1}")
    });
    value(html, 9, ago(archive.last_flush_ms), span);
    value(html, 10, ago(archive.last_checkpoint_ms), span);
    let sealed = archive.segments_sealed;
    let segments = match archive.segments_open {
        Some(open) => format!("{open} + {sealed}"),
        None => sealed.to_string(),
    };
    cell(html, 11, Some(sealed as f64), &segments, |_| {});
    let gaps = archive.gaps;
    cell(html, 12, Some(gaps.count as f64), "", |html| {
        match gaps.count {
            0 => html.raw("0"),
            count => html
                .element("span class=\"alarm\"", &count.to_string())
                .element("small", &short(gaps.records)),
        };
    });
    html.raw("</tr>\n");
}

fn name(html: &mut Html, archive: &Archive) {
    html.raw("<th scope=\"row\" class=\"text\" data-v=\"")
        .text(&archive.name);
    html.raw("\"><a href=\"/archive/")
        .text(&archive.name)
        .raw("\">");
    html.text(&archive.name).raw("</a>");
    if archive.topic != archive.name {
        html.element("small", &format!("topic {}", archive.topic));
    }
    html.element("small", &archive.file).raw("</th>");
}

/// The state, why, and what went wrong before if that is something else.
fn state(html: &mut Html, now_ms: i64, archive: &Archive) {
    html.raw("<td class=\"text\" data-v=\"")
        .raw(archive.state.name())
        .raw("\">");
    html.raw("<span class=\"state ")
        .raw(archive.state.name())
        .raw("\">");
    html.text(archive.state.words()).raw("</span>");
    if let Some(since) = archive.state_since_ms {
        let since = span((now_ms - since) as f64 / 1000.0);
        html.element("small class=\"since\"", &format!(" for {since}"));
    }
    if let Some(why) = &archive.why {
        html.element("p class=\"why\"", why);
    }
    if let Some(error) = &archive.last_error
        && archive
            .why
            .as_ref()
            .is_none_or(|why| !error.text.contains(why.as_str()))
    {
        let ago = span((now_ms - error.at_ms) as f64 / 1000.0);
        html.element("p class=\"past\"", &format!("{ago} ago: {}", error.text));
    }
    html.raw("</td>");
}

/// A cell with a number that it is sorted by, and how that is shown.
fn value(html: &mut Html, at: usize, number: Option<f64>, shown: impl FnOnce(f64) -> String) {
    let shown = number.map_or_else(|| UNKNOWN.to_owned(), shown);
    cell(html, at, number, &shown, |_| {});
}

fn cell(
    html: &mut Html,
    at: usize,
    number: Option<f64>,
    shown: &str,
    rest: impl FnOnce(&mut Html),
) {
    html.raw("<td class=\"").raw(COLUMNS[at].class).raw("\"");
    if let Some(number) = number {
        html.raw(" data-v=\"").number(number).raw("\"");
    }
    html.raw(">").text(shown);
    rest(html);
    html.raw("</td>");
}
