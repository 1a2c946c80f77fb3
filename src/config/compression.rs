//! Which compression a file gets, and how hard.

use super::Compression;
use super::problem::{Problem, Text};
use super::raw::{Algorithm, Settings};
use super::walk::Walker;

/// Level 1 is where a hot topic keeps up: what more it would save costs a multiple in CPU.
pub const GZIP_LEVEL_DEFAULT: u32 = 1;
/// As [`GZIP_LEVEL_DEFAULT`].
pub const ZSTD_LEVEL_DEFAULT: i32 = 1;

const GZIP_LEVEL_MAX: i64 = 9;
const ZSTD_LEVEL_MAX: i64 = 19;

const GZIP_ENDING: &str = ".gz";
const ZSTD_ENDING: &str = ".zst";

impl Compression {
    /// What the name of such a file ends in, dot included; nothing if it is not compressed.
    pub fn ending(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip(_) => GZIP_ENDING,
            Self::Zstd(_) => ZSTD_ENDING,
        }
    }
}

/// What the file's ending says.
fn by_ending(file: &str) -> Option<(Algorithm, &'static str)> {
    [
        (Algorithm::Gzip, GZIP_ENDING),
        (Algorithm::Zstd, ZSTD_ENDING),
    ]
    .into_iter()
    .find(|(_, ending)| file.ends_with(ending))
}

fn level_max(algorithm: Algorithm) -> Option<i64> {
    match algorithm {
        Algorithm::None => None,
        Algorithm::Gzip => Some(GZIP_LEVEL_MAX),
        Algorithm::Zstd => Some(ZSTD_LEVEL_MAX),
    }
}

fn word(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::None => "none",
        Algorithm::Gzip => "gzip",
        Algorithm::Zstd => "zstd",
    }
}

fn build(algorithm: Algorithm, level: Option<i64>) -> Compression {
    let level = level.filter(|level| (1..=ZSTD_LEVEL_MAX).contains(level));
    match algorithm {
        Algorithm::None => Compression::None,
        Algorithm::Gzip => Compression::Gzip(
            level
                .and_then(|level| u32::try_from(level).ok())
                .unwrap_or(GZIP_LEVEL_DEFAULT),
        ),
        Algorithm::Zstd => Compression::Zstd(
            level
                .and_then(|level| i32::try_from(level).ok())
                .unwrap_or(ZSTD_LEVEL_DEFAULT),
        ),
    }
}

/// Reports a default level that no compression has.
pub(super) fn check_default_level(walker: &mut Walker<'_>, defaults: &Settings) {
    if let Some(level) = &defaults.compression_level
        && !(1..=ZSTD_LEVEL_MAX).contains(&level.value)
    {
        let problem = Problem::at(&level.span, "`compression_level` is out of range");
        walker.report(problem.label("gzip takes 1 to 9, zstd 1 to 19"));
    }
}

/// The compression of one archive, from its own keys, the defaults and the file's ending.
pub(super) fn settle(
    walker: &mut Walker<'_>,
    file: &Text,
    own: &Settings,
    defaults: &Settings,
) -> Compression {
    let ending = by_ending(&file.value);
    let typed = own.compression.as_ref().or(defaults.compression.as_ref());
    if let (Some(typed), Some((named, ending))) = (typed, ending)
        && typed.value != named
    {
        let message = "`compression` contradicts the file's ending";
        let asked = word(typed.value);
        let problem = if own.compression.is_some() {
            Problem::at(&typed.span, message)
                .label(format!("{asked} here"))
                .also(&file.span, format!("ends in {ending}"))
        } else {
            Problem::at(&file.span, message)
                .label(format!("ends in {ending}"))
                .also(&typed.span, format!("{asked} for every archive"))
        };
        walker.report(problem.help("leave `compression` out, and the ending decides"));
        return Compression::None;
    }
    let ending = ending.map_or(Algorithm::None, |(algorithm, _)| algorithm);
    let algorithm = typed.map_or(ending, |typed| typed.value);
    if let Some(level) = &own.compression_level {
        match level_max(algorithm) {
            None => walker.report(
                Problem::at(&level.span, "`compression_level` without a compression")
                    .also(&file.span, "this file is not compressed")
                    .help("leave it out, or let the file end in .gz or .zst"),
            ),
            Some(max) if !(1..=max).contains(&level.value) => walker.report(
                Problem::at(&level.span, "`compression_level` is out of range")
                    .label(format!("{} takes 1 to {max}", word(algorithm))),
            ),
            Some(_) => {}
        }
        return build(algorithm, Some(level.value));
    }
    let Some(level) = &defaults.compression_level else {
        return build(algorithm, None);
    };
    if let Some(max) = level_max(algorithm)
        && (max + 1..=ZSTD_LEVEL_MAX).contains(&level.value)
    {
        walker.report(
            Problem::at(
                &file.span,
                "the default `compression_level` is out of range here",
            )
            .label(format!("{} takes 1 to {max}", word(algorithm)))
            .also(&level.span, "for every archive")
            .help("give this archive a `compression_level` of its own"),
        );
    }
    build(algorithm, Some(level.value))
}
