//! A definition as it is written: in a file of `[[analysis]]` tables, or with flags.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use super::Aggregate;
use super::detection::Detection;
use super::fill::Fill;
use super::length::Length;
use super::webhook::Webhook;
use super::window::Window;

/// What is measured of which records. Names are those of fields, which nobody has looked for yet.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// What it is called.
    pub name: String,
    /// An archive, a file, or a capture.
    pub source: String,
    /// The field with the time; the record's timestamp if there is none.
    pub time: Option<String>,
    /// The fields that are measured.
    #[serde(deserialize_with = "one_or_more")]
    pub value: Vec<String>,
    /// The fields by which records are told apart.
    #[serde(default, deserialize_with = "one_or_more")]
    pub by: Vec<String>,
    /// Only records of which this holds, in SQL.
    pub filter: Option<String>,
    /// The windows; without them, each record stands for itself.
    pub window: Option<WrittenWindow>,
    /// What is measured of each value in a window; their count, if nothing is said.
    #[serde(default, deserialize_with = "aggregates")]
    pub aggregates: Vec<Aggregate>,
    /// What stands in windows in which there is nothing; without it, there are no rows for them.
    pub fill: Option<Fill>,
    /// How anomalies are found.
    pub anomalies: Option<Detection>,
    /// While it is followed: a window is closed so long after its end, by the times of records; at its end, if nothing is
    /// said.
    #[serde(default)]
    pub lateness: Length,
    /// While it is followed: a partition of which nothing comes for so long, while others go on, holds up no window.
    #[serde(default = "minute")]
    pub idle: Length,
    /// Where the answer goes; to standard output, if nothing is said.
    #[serde(default)]
    pub output: Vec<Output>,
}

/// The windows, as they are written: one of `tumbling`, `sliding` with `every`, and `session`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenWindow {
    /// One behind the other, so long each.
    pub tumbling: Option<Length>,
    /// They overlap, so long each.
    pub sliding: Option<Length>,
    /// How often a sliding one begins.
    pub every: Option<Length>,
    /// They end when nothing has come for so long.
    pub session: Option<Length>,
    /// They begin so much later than 1970.
    pub offset: Option<Length>,
}

impl WrittenWindow {
    /// The windows that are meant.
    ///
    /// # Errors
    ///
    /// If it isn't exactly one kind, or can't be.
    pub fn window(&self) -> Result<Window, String> {
        let length = |length: Option<Length>| length.map(|length| length.0);
        if self.sliding.is_some() != self.every.is_some() {
            return Err("sliding windows need both: sliding, how long one is, and every, how often one begins".into());
        }
        let sliding = length(self.sliding).zip(length(self.every));
        let offset = length(self.offset).unwrap_or_default();
        Window::new(length(self.tumbling), sliding, length(self.session), offset)
    }
}

/// Where an answer goes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Output {
    /// The rows of the windows, or of the anomalies where there are no windows, into a file; its name says how.
    File(PathBuf),
    /// The anomalous rows alone, into a file.
    Anomalies(PathBuf),
    /// A picture of each metric and group, into a directory.
    Plot(PathBuf),
    /// A page with all metrics and groups; analyses that name the same one share it.
    Report(PathBuf),
    /// Each anomalous row as it comes, to an address.
    Webhook(Webhook),
    /// Each anomalous row as it comes, to a command on its standard input: the program and its arguments.
    Command(Vec<String>),
}

fn minute() -> Length {
    Length::MINUTE
}

/// A text, or a list of them.
fn one_or_more<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    struct OneOrMore;
    impl<'de> Visitor<'de> for OneOrMore {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the name of a field, or a list of names")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            Ok(vec![text.to_owned()])
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut names = Vec::new();
            while let Some(name) = list.next_element()? {
                names.push(name);
            }
            Ok(names)
        }
    }
    from.deserialize_any(OneOrMore)
}

fn aggregates<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Aggregate>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    let aggregates = texts.iter().map(|text| text.parse());
    aggregates
        .collect::<Result<_, _>>()
        .map_err(de::Error::custom)
}
