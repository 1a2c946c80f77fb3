//! Rows of any source as an [`Input`]: which of them are asked for, and what is done with those that can't be used.

use super::wanted::{OnBad, Wanted};
use crate::replay::clock::of_ms;
use crate::replay::{Input, InputError, Outgoing};

/// The next row of a source.
pub(super) enum Row {
    Record(Outgoing),
    Bad(Bad),
    End,
}

/// A row that can't be used.
#[derive(Debug)]
pub(super) struct Bad {
    /// Where in its source: `line 3, column "time"`.
    pub place: String,
    /// Why it can't be used.
    pub why: String,
    /// It, as it stands there.
    pub bytes: Vec<u8>,
}

/// What a parser says of JSON that is one line. It numbers lines as well, and knows but this one.
pub(super) fn of_one_line(error: &impl ToString) -> String {
    let said = error.to_string();
    said.replace(" at line 1 column ", " at byte ")
}

/// A source of rows, which are always the same ones in the same order.
pub(super) trait Rows: Send {
    /// The next row. An error is one line without the source's name, and the end.
    fn next(&mut self) -> Result<Row, String>;

    /// What it is read as, and where the times come from.
    fn description(&self) -> String;

    /// See [`Input::partitions`].
    fn partitions(&self) -> Option<i32> {
        None
    }

    /// See [`Input::topic_id`].
    fn topic_id(&self) -> Option<String> {
        None
    }

    /// See [`Input::extent`].
    fn extent(&self) -> Option<String> {
        None
    }
}

/// Which rows are given, and how.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    /// What the source is called in messages.
    pub name: String,
    /// See [`Input::topic`].
    pub topic: String,
    pub on_bad: OnBad,
    /// The first time, in milliseconds since 1970.
    pub since_ms: Option<i64>,
    /// The first later time that isn't asked for.
    pub until_ms: Option<i64>,
}

/// The rows of one source that are asked for.
pub(super) struct RowInput<R> {
    rows: R,
    choice: Choice,
    /// The first one, which was read when it was opened.
    first: Option<Option<Outgoing>>,
    /// The time of the row before.
    before_ns: Option<i128>,
    skipped: u64,
    sent_raw: u64,
}

impl<R: Rows> RowInput<R> {
    /// Reads up to the first row that is asked for, so that what is wrong with all rows is said at once.
    pub fn open(rows: R, choice: Choice) -> Result<Self, InputError> {
        let mut input = Self {
            rows,
            choice,
            first: None,
            before_ns: None,
            skipped: 0,
            sent_raw: 0,
        };
        input.first = Some(input.read()?);
        Ok(input)
    }

    fn read(&mut self) -> Result<Option<Outgoing>, InputError> {
        loop {
            let row = self.rows.next();
            let row = row.map_err(|why| InputError(format!("{}: {why}", self.choice.name)))?;
            let record = match row {
                Row::Record(record) => record,
                Row::End => return Ok(None),
                Row::Bad(bad) => match self.bad(bad)? {
                    Some(record) => record,
                    None => continue,
                },
            };
            self.before_ns = Some(record.time_ns);
            if self.choice.holds(record.time_ns) {
                return Ok(Some(record));
            }
        }
    }

    /// What is sent of a row that can't be used.
    #[cold]
    fn bad(&mut self, bad: Bad) -> Result<Option<Outgoing>, InputError> {
        let Bad { place, why, bytes } = bad;
        let error = |to_do: &str| {
            let name = &self.choice.name;
            InputError(format!("{name}, {place}: {why}; {to_do}"))
        };
        match (self.choice.on_bad, self.before_ns) {
            (OnBad::Stop, _) => Err(error(
                "mend it, or leave such rows out with --on-bad skip, or send them as they are with --on-bad send-raw",
            )),
            (OnBad::Skip, _) => {
                self.skipped += 1;
                Ok(None)
            }
            (OnBad::SendRaw, None) => Err(error(
                "no row before it says at which time it could be sent: mend it, or leave such rows out with --on-bad skip",
            )),
            (OnBad::SendRaw, Some(time_ns)) => {
                self.sent_raw += u64::from(self.choice.holds(time_ns));
                Ok(Some(Outgoing {
                    time_ns,
                    value: Some(bytes),
                    ..Outgoing::default()
                }))
            }
        }
    }
}

impl Choice {
    /// What is wanted of a source of this name, which is meant for this topic.
    pub fn new(name: String, topic: String, wanted: &Wanted) -> Self {
        Self {
            name,
            topic,
            on_bad: wanted.on_bad,
            since_ms: wanted.since_ms,
            until_ms: wanted.until_ms,
        }
    }

    #[inline]
    fn holds(&self, time_ns: i128) -> bool {
        self.since_ms.is_none_or(|since| time_ns >= of_ms(since))
            && self.until_ms.is_none_or(|until| time_ns < of_ms(until))
    }
}

impl<R: Rows> Input for RowInput<R> {
    fn topic(&self) -> &str {
        &self.choice.topic
    }

    fn partitions(&self) -> Option<i32> {
        self.rows.partitions()
    }

    fn next(&mut self) -> Result<Option<Outgoing>, InputError> {
        match self.first.take() {
            Some(first) => Ok(first),
            None => self.read(),
        }
    }

    fn skipped(&self) -> u64 {
        self.skipped
    }

    fn sent_raw(&self) -> u64 {
        self.sent_raw
    }

    fn description(&self) -> String {
        format!("{}: {}", self.choice.name, self.rows.description())
    }

    fn topic_id(&self) -> Option<String> {
        self.rows.topic_id()
    }

    fn extent(&self) -> Option<String> {
        self.rows.extent()
    }
}
