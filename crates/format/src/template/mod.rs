//! The names of segments: a template with placeholders, and the path that it gives to each segment.
//!
//! | placeholder | stands for | needs `{seq}` |
//! |---|---|---|
//! | `{topic}`, `{name}` | the archive's topic and its name | |
//! | `{partition}` | the partition of the segment's records | |
//! | `{seq}`, `{seq:06}` | the segment's number, counted over the whole archive | |
//! | `{opened:FORMAT}` | when the segment was opened | yes |
//! | `{time:FORMAT}` | the timestamp of its records, `unknown` for those without one | yes |
//!
//! FORMAT is one of strftime, as far as [`times`] takes it. `{{` and `}}` are braces.
//!
//! Two segments of one archive never get one path, and that follows from the template alone:
//!
//! - Each placeholder gives a fixed alternation of digits and other characters, and between two of them stands something
//!   typed that is no digit. So the number of a segment can be read off its path, as the n-th run of digits. That
//!   holds beside topic and name, too: `a` with segment 12 isn't `a1` with segment 2.
//! - Only the text for no timestamp has no digits. No format begins with it, so it is never taken for one.
//! - Whatever can begin a second segment while everything else is the same needs `{seq}`. Without it, and with
//!   `{partition}`, an archive has one segment for each partition.
//!
//! Two archives may have a directory in common: whether their templates could give one path is asked of their [`Paths`].

mod buckets;
mod error;
mod meeting;
mod parse;
mod shape;
mod times;

#[cfg(test)]
mod tests;

use std::fmt::{self, Write as _};
use std::path::{Component, Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use buckets::{Bucket, Buckets};
pub use error::TemplateError;
pub use meeting::Paths;
pub use parse::with_sequence;

use crate::record::Partition;
use crate::segment::GROWING;
use crate::state_files::STATE_DIRECTORY;
use times::Format;

/// The placeholders, as they can be typed.
pub const PLACEHOLDERS: [&str; 6] = [
    "{topic}",
    "{name}",
    "{partition}",
    "{seq:06}",
    "{opened:%Y%m%d-%H%M%S}",
    "{time:%Y-%m-%d/%H}",
];

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Topic,
    Name,
    Partition,
    /// With so many digits at least.
    Sequence(usize),
    Opened(Format),
    Time(Format),
}

/// Where an archive's segments are. Equal to another if both give the same paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
    zone: TimeZone,
}

/// What a segment's path is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Values {
    /// The partition, if there is a segment for each.
    pub partition: Option<Partition>,
    /// The number of the segment in its archive.
    pub sequence: u64,
    /// When it was opened, in milliseconds since 1970.
    pub opened_ms: i64,
    /// The timestamp of a record in it, in milliseconds since 1970, if its records have one.
    pub time_ms: Option<i64>,
}

impl Template {
    /// Reads a template. Its times are in UTC.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong with it. Everything is checked that doesn't depend on topic and name.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let template = Self {
            pieces: parse::pieces(text)?,
            zone: TimeZone::UTC,
        };
        let example = template.example();
        let within = Path::new(&example).strip_prefix(template.fixed_directory());
        let mut names = within.into_iter().flat_map(Path::components);
        if template.is_fixed() {
            Ok(template)
        } else if names.any(|name| name == Component::ParentDir) {
            Err(TemplateError::Upwards)
        } else if ["/", "/."].iter().any(|end| example.ends_with(end)) {
            Err(TemplateError::Directory)
        } else {
            Ok(template)
        }
    }

    /// The same, with times in another zone.
    #[must_use]
    pub fn in_zone(self, zone: TimeZone) -> Self {
        Self { zone, ..self }
    }

    /// The zone of its times.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The same, with the topic and the archive's name filled in.
    ///
    /// # Errors
    ///
    /// If one of them can't be a part of a path, or leads to where archiver keeps what is its own.
    pub fn with(&self, topic: &str, name: &str) -> Result<Self, TemplateError> {
        let mut pieces: Vec<Piece> = Vec::new();
        for piece in &self.pieces {
            let text = match piece {
                Piece::Text(text) => text,
                Piece::Topic => of_one_name(topic, "topic")?,
                Piece::Name => of_one_name(name, "archive")?,
                other => {
                    pieces.push(other.clone());
                    continue;
                }
            };
            match pieces.last_mut() {
                Some(Piece::Text(before)) => before.push_str(text),
                _ => pieces.push(Piece::Text(text.to_owned())),
            }
        }
        let zone = self.zone.clone();
        let filled = Self { pieces, zone };
        let example = filled.example();
        let mut names = Path::new(&example).components();
        // A path without a placeholder is as it was typed, whatever it is.
        if self.is_fixed() {
            Ok(filled)
        } else if names.any(|name| name == Component::Normal(STATE_DIRECTORY.as_ref())) {
            Err(TemplateError::OwnState)
        } else if example.ends_with(GROWING) {
            Err(TemplateError::Growing)
        } else {
            Ok(filled)
        }
    }

    /// Has it no placeholder? Then it is the path of the only segment, which grows for ever.
    pub fn is_fixed(&self) -> bool {
        self.pieces
            .iter()
            .all(|piece| matches!(piece, Piece::Text(_)))
    }

    /// Does its path have the topic in it? Then no two topics have a segment in common.
    pub fn has_topic(&self) -> bool {
        self.has(|piece| *piece == Piece::Topic)
    }

    /// Is there a segment for each partition?
    pub fn by_partition(&self) -> bool {
        self.has(|piece| *piece == Piece::Partition)
    }

    /// Is there a segment for each time of records?
    pub fn by_time(&self) -> bool {
        self.has(|piece| matches!(piece, Piece::Time(_)))
    }

    /// Has each segment a number? Only then can there be one after the other.
    pub fn has_sequence(&self) -> bool {
        self.has(|piece| matches!(piece, Piece::Sequence(_)))
    }

    fn has(&self, is_it: impl Fn(&Piece) -> bool) -> bool {
        self.pieces.iter().any(is_it)
    }

    /// The path of a segment, once it is sealed.
    pub fn path(&self, values: &Values) -> PathBuf {
        self.rendered(values).into()
    }

    fn rendered(&self, values: &Values) -> String {
        let mut path = String::new();
        for piece in &self.pieces {
            // Writing to a string can't fail.
            let _ = match piece {
                Piece::Text(text) => path.write_str(text),
                Piece::Partition => match values.partition {
                    Some(partition) => write!(path, "{partition}"),
                    None => path.write_str("all"),
                },
                Piece::Sequence(digits) => write!(path, "{:0digits$}", values.sequence),
                Piece::Opened(format) => {
                    let opened = Timestamp::from_millisecond(values.opened_ms.max(0));
                    let opened = opened.unwrap_or(Timestamp::MAX);
                    path.write_str(&format.text(Some(opened), &self.zone))
                }
                Piece::Time(format) => {
                    path.write_str(&format.text(times::time(values.time_ms), &self.zone))
                }
                Piece::Topic | Piece::Name => write!(path, "{}", Shown(piece)),
            };
        }
        path
    }

    /// A path as long as any that it gives. Templates that have it in common can give one path to two segments.
    pub fn example(&self) -> String {
        // Of a Wednesday in September.
        const LONG_MS: i64 = 1_000_900_799_000;
        self.rendered(&Values {
            partition: Some(Partition::MAX),
            sequence: u64::MAX,
            opened_ms: LONG_MS,
            time_ms: Some(LONG_MS),
        })
    }

    /// The buckets of its times. Records of different buckets have different paths.
    pub fn buckets(&self) -> Buckets {
        let format = |piece: &Piece| match piece {
            Piece::Time(format) => Some(format.clone()),
            _ => None,
        };
        let formats = self.pieces.iter().filter_map(format);
        Buckets::new(formats.collect(), self.zone.clone())
    }

    /// The deepest directory that all of its paths are in; `""` is the working directory.
    pub fn fixed_directory(&self) -> PathBuf {
        // What the first placeholder stands for is at least a part of a name.
        let some = if self.is_fixed() { "" } else { "x" };
        let path = self.fixed_text() + some;
        Path::new(&path).parent().unwrap_or(Path::new("")).into()
    }

    /// What stands before the first placeholder.
    fn fixed_text(&self) -> String {
        let texts = self.pieces.iter().map_while(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }
}

/// The text, if it can be a name in a directory, whatever stands beside it.
fn of_one_name<'t>(text: &'t str, of: &'static str) -> Result<&'t str, TemplateError> {
    match text {
        "" | "." | ".." => Err(TemplateError::Name { of }),
        text if text.contains(['/', '\0']) => Err(TemplateError::Name { of }),
        text => Ok(text),
    }
}

impl fmt::Display for Template {
    /// As it can be typed. Only the zone is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pieces.iter().try_for_each(|piece| Shown(piece).fmt(f))
    }
}

/// A piece as it can be typed.
struct Shown<'a>(&'a Piece);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Piece::Text(text) => f.write_str(&text.replace('{', "{{").replace('}', "}}")),
            Piece::Topic => f.write_str("{topic}"),
            Piece::Name => f.write_str("{name}"),
            Piece::Partition => f.write_str("{partition}"),
            Piece::Sequence(1) => f.write_str("{seq}"),
            Piece::Sequence(digits) => write!(f, "{{seq:0{digits}}}"),
            Piece::Opened(format) => write!(f, "{{opened:{}}}", format.as_str()),
            Piece::Time(format) => write!(f, "{{time:{}}}", format.as_str()),
        }
    }
}
