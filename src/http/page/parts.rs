//! What the pages have in common.

use super::html::Html;
use crate::observe::snapshot::Process;
use crate::terminal::span;

/// What the process is, and as of when this is said.
pub(super) fn news(html: &mut Html, process: &Process) {
    html.raw("<p class=\"about\" data-live=\"about\">")
        .text(&format!(
            "version {}, up {}",
            process.program_version,
            span(process.uptime_seconds)
        ))
        .raw("</p>\n<p id=\"news\" role=\"status\">as of ");
    moment(html, Some(process.now_ms));
    html.raw("</p>\n");
}

/// A moment, for machines in full.
pub(super) fn moment(html: &mut Html, ms: Option<i64>) {
    let time = ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    match time {
        Some(time) => {
            let full = time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            html.raw("<time datetime=\"").raw(&full).raw("\">");
            html.raw(&time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
            html.raw("</time>");
        }
        None => {
            html.raw("–");
        }
    }
}
