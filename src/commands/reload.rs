//! `archiver reload --check`: what a reload of its configuration would do to an archiver that runs.

use std::path::Path;

use anyhow::Context;

use super::whom::Whom;
use crate::cli::Common;
use crate::config;
use crate::logging;
use crate::supervisor::{Changes, Foreseen};
use crate::terminal::{Output, Style, Styles};

/// What to say of it.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Args {
    /// Only say what it would do; the reload itself is a signal
    #[arg(long, required = true)]
    check: bool,
    #[command(flatten)]
    whom: Whom,
    /// Print what /api/reload answers
    #[arg(long)]
    json: bool,
}

const AFTER: &str = "\
The archiver that runs is asked, through its [http] listen. To reload:
systemctl reload archiver, or kill -HUP.
Exit codes: 0 it would be taken up, 1 it is wrong and nothing would change, or
nobody answers, 2 usage.";

/// Says what a reload would do; returns the exit code.
///
/// # Errors
///
/// If nobody answers.
pub async fn run(common: &Common, args: &Args) -> anyhow::Result<u8> {
    let target = args.whom.target(common)?;
    let body = target.get("/api/reload").await?;
    let foreseen = serde_json::from_slice::<Foreseen>(&body).with_context(|| {
        let name = target.name();
        format!("asking {name}: what it answers is not what an archiver would")
    })?;
    if let Some(path) = args.whom.configuration(common)
        && is_other(path, &foreseen.file)
    {
        let (name, file) = (config::source_name(path), &foreseen.file);
        logging::complain(&format!(
            "archiver: what runs there reads {file} at a reload, not {name}; see `archiver -c {name} check` for that"
        ));
    }
    let mut output = Output::default();
    if args.json {
        output.write(&body)?;
    } else if foreseen.error.is_none() {
        for line in lines(&foreseen, Styles::of_output()) {
            output.line(&line)?;
        }
    }
    output.flush()?;
    Ok(match &foreseen.error {
        None => 0,
        Some(error) => {
            say_wrong(&foreseen.file, error);
            1
        }
    })
}

fn say_wrong(file: &str, error: &str) {
    logging::complain(&format!(
        "archiver: a reload would change nothing, as {file} is wrong: {error}"
    ));
}

/// Is this another file than the one that an archiver reads?
fn is_other(path: &Path, read: &str) -> bool {
    let is_same_file = || path.canonicalize().ok() == Path::new(read).canonicalize().ok();
    config::full_name(path) != read && !is_same_file()
}

fn lines(foreseen: &Foreseen, styles: Styles) -> Vec<String> {
    let Changes {
        new,
        changed,
        again,
        gone,
        same,
        patterns,
        gone_patterns,
    } = &foreseen.changes;
    let file = &foreseen.file;
    let mut lines = Vec::new();
    for (style, what, names, note) in [
        (Style::Good, "start", new, ""),
        (Style::Bold, "stop and start", changed, ""),
        (Style::Good, "start again", again, ", which has stopped"),
        (Style::Bad, "stop", gone, ""),
        (Style::Good, "look for topics of", patterns, ""),
        (Style::Bad, "look no more for topics of", gone_patterns, ""),
    ] {
        let of = names.iter();
        lines.extend(of.map(|name| format!("{} {name}{note}", styles.paint(style, what))));
    }
    let head = match lines.is_empty() {
        true => format!("a reload of {file} would change nothing"),
        false => format!("a reload of {file} would"),
    };
    let goes_on = match (lines.is_empty(), same) {
        (_, 0) => None,
        (true, 1) => Some("the archive goes on and notices nothing".to_owned()),
        (true, same) => Some(format!("all {same} archives go on and notice nothing")),
        (false, 1) => Some("1 other archive goes on and notices nothing".to_owned()),
        (false, same) => Some(format!("{same} other archives go on and notice nothing")),
    };
    lines.insert(0, head);
    lines.extend(goes_on);
    if !(new.is_empty() && changed.is_empty() && again.is_empty()) {
        lines.push("whether the state on disk fits is seen only when they start".into());
    }
    let later = foreseen.at_next_start.iter();
    lines.extend(later.map(|key| format!("{key} is taken up at the next start of archiver only")));
    lines
}
