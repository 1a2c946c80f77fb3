//! What is wanted of an input, as it is typed.

use std::str::FromStr;

use jiff::tz::TimeZone;

/// What a field or a column with the time is called, where nobody says which it is.
pub(super) const TIME_NAMES: [&str; 4] = ["timestamp", "time", "ts", "@timestamp"];

/// What is wanted of an input.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// How the file is read; by its first line if it isn't said.
    pub format: Option<FileFormat>,
    /// How its rows become records.
    pub typed: TypedAs,
    /// What is done with a row that can't be used.
    pub on_bad: OnBad,
    /// Only records of this time or later, in milliseconds since 1970.
    pub since_ms: Option<i64>,
    /// Only records before this time, in milliseconds since 1970.
    pub until_ms: Option<i64>,
    /// What there was of it when it was opened first, as [`Input::extent`](crate::replay::Input::extent) said then: the same records are given again.
    pub extent: Option<String>,
}

/// How the rows of a file become records.
#[derive(Debug, Clone)]
pub struct TypedAs {
    /// The field or the column that has the time; found if it isn't said. Lines that are whole records are nothing but
    /// lines then.
    pub time_field: Option<String>,
    /// The field or the column that is the key.
    pub key: Option<String>,
    /// The value of a row of a table.
    pub shape: Shape,
    /// By whose clock times are that don't say it.
    pub timezone: TimeZone,
}

impl Default for TypedAs {
    /// Nothing is said, and times are in UTC.
    fn default() -> Self {
        Self {
            time_field: None,
            key: None,
            shape: Shape::default(),
            timezone: TimeZone::UTC,
        }
    }
}

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// Cells between commas.
    Csv,
    /// Cells between tabs.
    Tsv,
    /// A JSON object on each line.
    Ndjson,
}

/// The value of a row of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shape {
    /// An object of all columns.
    #[default]
    Object,
    /// `{"<time>": value}`, of a table of two columns.
    Pair,
}

/// What is done with a row that can't be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnBad {
    /// It ends the input with an error.
    #[default]
    Stop,
    /// It is left out, and counted.
    Skip,
    /// It is sent as it stands, at the time of the row before, and counted.
    SendRaw,
}

impl FromStr for FileFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "csv" => Self::Csv,
            "tsv" => Self::Tsv,
            "ndjson" => Self::Ndjson,
            _ => return Err("it is none of csv, tsv and ndjson"),
        })
    }
}

impl FromStr for Shape {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "object" => Self::Object,
            "pair" => Self::Pair,
            _ => return Err("it is neither object nor pair"),
        })
    }
}

impl FromStr for OnBad {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "stop" => Self::Stop,
            "skip" => Self::Skip,
            "send-raw" => Self::SendRaw,
            _ => return Err("it is none of stop, skip and send-raw"),
        })
    }
}
