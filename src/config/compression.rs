//! Which compression a file gets, and how hard.

use archiver_format::compression::{Algorithm, Compression};

use super::keys::{COMPRESSION, COMPRESSION_LEVEL};
use super::problem::{At, Problem, Text};
use super::table::Table;
use super::walk::Walker;

/// What the file's ending says.
pub(super) fn by_ending(file: &str) -> Option<(Algorithm, &'static str)> {
    let endings = Algorithm::ALL.map(|algorithm| (algorithm, algorithm.ending()));
    let is_it = |&(_, ending): &(_, &str)| !ending.is_empty() && file.ends_with(ending);
    endings.into_iter().find(is_it)
}

/// Every other level that its key can have is one.
fn level_max(algorithm: Algorithm) -> u32 {
    match algorithm {
        Algorithm::None => 0,
        Algorithm::Gzip => 9,
        Algorithm::Zstd => 19,
    }
}

/// The compression of one archive, from its own keys, the defaults and the ending of a file's `path`.
pub(super) fn settle(
    walker: &mut Walker<'_>,
    file: &Text,
    path: &str,
    own: &Table,
    defaults: &Table,
) -> Option<Compression> {
    let (own_level, default_level) = (own.at(&COMPRESSION_LEVEL), defaults.at(&COMPRESSION_LEVEL));
    let typed = own.at(&COMPRESSION).or(defaults.at(&COMPRESSION));
    let ending = by_ending(path);
    if let (Some(typed), Some((named, ending))) = (&typed, ending)
        && *typed.value != named
    {
        let is_own = own.get(&COMPRESSION).is_some();
        walker.report(contradiction(file, ending, typed, is_own));
        return None;
    }
    let ending = ending.map_or(Algorithm::None, |(algorithm, _)| algorithm);
    let algorithm = typed.map_or(ending, |typed| *typed.value);
    let max = level_max(algorithm);
    let takes = format!("{} takes 1 to {max}", algorithm.name());
    match (&own_level, &default_level) {
        (Some(level), _) if max == 0 => walker.report(
            Problem::at(&level.span, "`compression_level` without a compression")
                .also(&file.span, "this file is not compressed")
                .help("leave it out, or let the file end in .gz or .zst"),
        ),
        (Some(level), _) if *level.value > max => {
            let problem = Problem::at(&level.span, "`compression_level` is out of range");
            walker.report(problem.label(takes));
        }
        (None, Some(level)) if max > 0 && *level.value > max => {
            let message = "the default `compression_level` is out of range here";
            let problem = Problem::at(&file.span, message).label(takes);
            walker.report(
                problem
                    .also(&level.span, "for every archive")
                    .help("give this archive a `compression_level` of its own"),
            );
        }
        _ => {}
    }
    let level = own_level.or(default_level).map(|level| *level.value)?;
    Some(match algorithm {
        Algorithm::None => Compression::None,
        Algorithm::Gzip => Compression::Gzip(level),
        Algorithm::Zstd => Compression::Zstd(level.cast_signed()),
    })
}

/// The compression that was asked for is not the one that the file's name promises.
fn contradiction(file: &Text, ending: &str, typed: &At<&Algorithm>, is_own: bool) -> Problem {
    let message = "`compression` contradicts the file's ending";
    let (asked, ends) = (typed.value.name(), format!("ends in {ending}"));
    let problem = if is_own {
        Problem::at(&typed.span, message)
            .label(format!("{asked} here"))
            .also(&file.span, ends)
    } else {
        Problem::at(&file.span, message)
            .label(ends)
            .also(&typed.span, format!("{asked} for every archive"))
    };
    problem.help("leave `compression` out, and the ending decides")
}
