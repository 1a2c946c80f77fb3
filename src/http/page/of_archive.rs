//! The page of one archive.

use archiver_format::archive::{Archive as Kept, Segment, State as Growth};
use archiver_format::gap::Gap;

use super::document::document;
use super::html::Html;
use super::parts::{moment, news};
use super::spark::spark;
use crate::observe::recent::{self, Line};
use crate::observe::snapshot::{Archive, Partition, Process};
use crate::terminal::{bytes, grouped, ratio, short, span};
use crate::world::clock::rfc3339;

/// So many segments and gaps are listed, the latest.
const LISTED_MOST: usize = 100;

/// The page, with what the archive keeps on the disk, or why that isn't known.
pub(in crate::http) fn archive(
    process: &Process,
    archive: &Archive,
    kept: Result<&Option<Kept>, &String>,
) -> String {
    document(&format!("{} – archiver", archive.name), |html| {
        html.raw("<header><p class=\"up\"><a href=\"/\">All archives</a></p><h1>")
            .text(&archive.name)
            .raw("</h1>\n");
        news(html, process);
        html.raw("</header>\n<main>\n");
        html.raw("<section aria-label=\"State\" data-live=\"state\">");
        state(html, process.now_ms, archive);
        facts(html, process.now_ms, archive);
        html.raw("</section>\n<section aria-label=\"The last 10 minutes\" data-live=\"charts\">");
        charts(html, archive);
        html.raw("</section>\n");
        partitions(html, archive.partitions.as_deref().unwrap_or_default());
        match kept {
            Ok(Some(kept)) => {
                gaps(html, &kept.gaps);
                segments(html, &kept.segments);
            }
            Ok(None) => {
                section(
                    html,
                    "segments",
                    "Segments",
                    "It has no checkpoint yet, so no segments.",
                );
            }
            Err(why) => section(html, "segments", "Segments", &format!("Not known: {why}.")),
        }
        log(html, &recent::of(&archive.name));
        html.raw("</main>\n");
    })
}

/// A section that holds no more than a sentence.
fn section(html: &mut Html, id: &str, heading: &str, text: &str) {
    begin(html, id, heading);
    html.element("p", text).raw("</section>\n");
}

fn begin(html: &mut Html, id: &str, heading: &str) {
    html.raw("<section data-live=\"")
        .raw(id)
        .raw("\" aria-labelledby=\"")
        .raw(id)
        .raw("\">");
    html.raw("<h2 id=\"")
        .raw(id)
        .raw("\">")
        .text(heading)
        .raw("</h2>\n");
}

fn state(html: &mut Html, now_ms: i64, archive: &Archive) {
    html.raw("<p><span class=\"state ")
        .raw(archive.state.name())
        .raw("\">");
    html.text(archive.state.words()).raw("</span>");
    if let Some(since) = archive.state_since_ms {
        html.text(&format!(" for {}", span((now_ms - since) as f64 / 1000.0)));
    }
    html.raw("</p>");
    if let Some(why) = &archive.why {
        html.element("p class=\"why\"", why);
    }
    if let Some(error) = &archive.last_error {
        let ago = span((now_ms - error.at_ms) as f64 / 1000.0);
        html.element(
            "p class=\"past\"",
            &format!("Last error, {ago} ago: {}", error.text),
        );
    }
}

fn facts(html: &mut Html, now_ms: i64, archive: &Archive) {
    let unknown = || "–".to_owned();
    let ago = |ms: Option<i64>| {
        ms.map_or_else(unknown, |ms| {
            format!("{} ago", span((now_ms - ms) as f64 / 1000.0))
        })
    };
    html.raw("<dl class=\"facts\">");
    html.fact("Topic", &archive.topic)
        .fact("Cluster", &archive.cluster)
        .fact("File", &archive.file)
        .fact("Records written", &grouped(archive.records))
        .fact("Records/s", &short(archive.records_per_second as u64))
        .fact("Lines/s", &bytes(archive.plain_bytes_per_second as u64))
        .fact("Written/s", &bytes(archive.written_bytes_per_second as u64))
        .fact("Lag", &archive.lag_records.map_or_else(unknown, grouped))
        .fact("Behind", &archive.lag_seconds.map_or_else(unknown, span));
    html.raw(match archive.is_overtaken_soon {
        true => "<div class=\"alarm\">",
        false => "<div>",
    });
    let headroom = archive.retention_headroom_seconds;
    html.element("dt", "Overtaken by retention in")
        .element("dd", &headroom.map_or_else(unknown, span))
        .raw("</div>");
    let open = archive.segments_open.map_or_else(unknown, grouped);
    html.fact(
        "Size on the disk",
        &archive.disk_bytes.map_or_else(unknown, bytes),
    )
    .fact(
        "Compression ratio",
        &archive
            .compression_ratio
            .map_or_else(unknown, |ratio| format!("{ratio:.1}")),
    )
    .fact("Last flush", &ago(archive.last_flush_ms))
    .fact("Last checkpoint", &ago(archive.last_checkpoint_ms))
    .fact("Segments open", &open)
    .fact("Segments sealed", &grouped(archive.segments_sealed));
    if archive.segments_to_hand_over > 0 {
        html.fact(
            "Waiting for on_seal",
            &grouped(archive.segments_to_hand_over),
        );
    }
    for errors in archive.errors.iter().filter(|errors| errors.count > 0) {
        html.fact(&format!("Errors: {}", errors.kind), &grouped(errors.count));
    }
    html.raw("</dl>");
}

fn charts(html: &mut Html, archive: &Archive) {
    let Some(rates) = &archive.rates else { return };
    let most = |values: &[u64]| values.iter().copied().max().unwrap_or_default();
    html.raw("<div class=\"charts\">");
    for (what, values, shown) in [
        (
            "Records/s",
            &rates.records_per_second,
            short as fn(u64) -> String,
        ),
        ("Lines/s", &rates.plain_bytes_per_second, bytes),
    ] {
        let last = span((values.len() as u64 * rates.step_seconds) as f64);
        html.raw("<figure>");
        spark(html, values, "chart");
        let most = shown(most(values));
        html.element(
            "figcaption",
            &format!("{what}, last {last}, at most {most}"),
        );
        html.raw("</figure>");
    }
    html.raw("</div>");
}

/// Begins a table that may be wider than the window.
fn table(html: &mut Html, of: &str, columns: &[(&str, &str)]) {
    html.raw("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Table of ")
        .raw(of)
        .raw("\"><table><thead><tr>");
    for (name, class) in columns {
        html.raw("<th scope=\"col\" class=\"")
            .raw(class)
            .raw("\">")
            .text(name)
            .raw("</th>");
    }
    html.raw("</tr></thead><tbody>\n");
}

fn partitions(html: &mut Html, partitions: &[Partition]) {
    if partitions.is_empty() {
        return section(html, "partitions", "Partitions", "It has taken none yet.");
    }
    begin(html, "partitions", "Partitions");
    let columns = [
        ("Partition", "num"),
        ("Next offset", "num"),
        ("Log start", "num"),
        ("Log end", "num"),
        ("Lag", "num"),
    ];
    table(html, "partitions", &columns);
    let known =
        |offset: Option<i64>| offset.map_or_else(|| "–".into(), |offset| offset.to_string());
    for of in partitions {
        html.raw("<tr><th scope=\"row\" class=\"num\">")
            .number(of.partition)
            .raw("</th>");
        let lag = of.lag_records.map_or_else(|| "–".into(), grouped);
        for text in [
            of.next_offset.to_string(),
            known(of.log_start),
            known(of.log_end),
            lag,
        ] {
            html.element("td class=\"num\"", &text);
        }
        html.raw("</tr>\n");
    }
    html.raw("</tbody></table></div></section>\n");
}

fn gaps(html: &mut Html, gaps: &[Gap]) {
    if gaps.is_empty() {
        return section(html, "gaps", "Gaps", "None: nothing is missing.");
    }
    begin(html, "gaps", &format!("Gaps ({})", gaps.len()));
    let columns = [
        ("Noticed", "text"),
        ("Partition", "num"),
        ("From", "num"),
        ("To", "num"),
        ("Why", "text"),
    ];
    table(html, "gaps", &columns);
    for gap in gaps.iter().rev().take(LISTED_MOST) {
        html.raw("<tr>").element("td class=\"text\"", &gap.noticed);
        let to = gap.to.map_or_else(|| "?".into(), |to| to.to_string());
        for text in [gap.partition.to_string(), gap.from.to_string(), to] {
            html.element("td class=\"num\"", &text);
        }
        html.element("td class=\"text\"", &gap.explanation)
            .raw("</tr>\n");
    }
    html.raw("</tbody></table></div></section>\n");
}

fn segments(html: &mut Html, segments: &[Segment]) {
    if segments.is_empty() {
        return section(html, "segments", "Segments", "None yet.");
    }
    begin(html, "segments", &format!("Segments ({})", segments.len()));
    if segments.len() > LISTED_MOST {
        html.element(
            "p",
            &format!("The latest {LISTED_MOST}; `archiver ls` lists all."),
        );
    }
    let columns = [
        ("No.", "num"),
        ("State", "text"),
        ("Records", "num"),
        ("Size", "num"),
        ("Ratio", "num"),
        ("Opened", "text"),
        ("Latest record", "text"),
        ("File", "text"),
    ];
    table(html, "segments", &columns);
    for segment in segments.iter().rev().take(LISTED_MOST) {
        let contents = segment.contents();
        let (state, opened) = match &segment.state {
            Growth::Sealed(sealed) => ("sealed", sealed.opened.clone()),
            Growth::Growing(growing) => ("growing", rfc3339(growing.opened)),
        };
        let size = segment.bytes();
        let counted = size.saturating_sub(contents.uncounted_bytes);
        html.raw("<tr><th scope=\"row\" class=\"num\">")
            .number(segment.file.sequence)
            .raw("</th>");
        html.element("td class=\"text\"", state)
            .element("td class=\"num\"", &grouped(contents.records))
            .element("td class=\"num\"", &bytes(size))
            .element("td class=\"num\"", &ratio(contents.plain_bytes, counted))
            .element("td class=\"text\"", &opened)
            .raw("<td class=\"text\">");
        moment(html, contents.latest());
        html.raw("</td>")
            .element(
                "td class=\"text path\"",
                &segment.path_now().display().to_string(),
            )
            .raw("</tr>\n");
    }
    html.raw("</tbody></table></div></section>\n");
}

fn log(html: &mut Html, lines: &[Line]) {
    if lines.is_empty() {
        return section(html, "log", "Log", "Nothing has been logged of it lately.");
    }
    begin(html, "log", "Log");
    html.raw("<ol class=\"log\">");
    for line in lines.iter().rev() {
        html.raw("<li class=\"")
            .raw(&line.level.to_lowercase())
            .raw("\">");
        moment(html, Some(line.at_ms));
        html.raw(" ")
            .element("b", line.level)
            .raw(" ")
            .element("span", &line.text)
            .raw("</li>");
    }
    html.raw("</ol></section>\n");
}
