//! Inputs that are closed until they are due, so that hundreds of files that follow each other are not all open at once.

use super::source::Source;
use super::wanted::Wanted;
use crate::replay::{Input, InputError, Outgoing};

/// An input of which only the first record is known until it was taken.
pub(super) struct Deferred {
    open: Open,
    source: Source,
    wanted: Wanted,
    topic: String,
    topic_id: Option<String>,
    partitions: Option<i32>,
    description: String,
    extent: Option<String>,
    /// The first record, until it is taken.
    first: Option<Outgoing>,
    is_over: bool,
    /// Open from when its second record is asked for until there is no more.
    opened: Option<Box<dyn Input>>,
    skipped: u64,
    sent_raw: u64,
}

/// Opens a source.
type Open = fn(&Source, &Wanted) -> Result<Box<dyn Input>, InputError>;

impl Deferred {
    /// Opens an input, and closes it again once its first record is known.
    ///
    /// # Errors
    ///
    /// As `open`.
    pub fn new(source: &Source, wanted: &Wanted, open: Open) -> Result<Self, InputError> {
        let mut input = open(source, wanted)?;
        let first = input.next()?;
        let extent = input.extent();
        Ok(Self {
            open,
            source: source.clone(),
            wanted: Wanted {
                extent: extent.clone(),
                ..wanted.clone()
            },
            topic: input.topic().to_owned(),
            topic_id: input.topic_id(),
            partitions: input.partitions(),
            description: input.description(),
            extent,
            is_over: first.is_none(),
            first,
            opened: None,
            skipped: input.skipped(),
            sent_raw: input.sent_raw(),
        })
    }
}

impl Input for Deferred {
    fn topic(&self) -> &str {
        &self.topic
    }

    fn topic_id(&self) -> Option<String> {
        self.topic_id.clone()
    }

    fn partitions(&self) -> Option<i32> {
        self.partitions
    }

    fn next(&mut self) -> Result<Option<Outgoing>, InputError> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        if self.is_over {
            return Ok(None);
        }
        let input = match &mut self.opened {
            Some(input) => input,
            None => {
                let mut input = (self.open)(&self.source, &self.wanted)?;
                // It was taken before.
                input.next()?;
                self.opened.insert(input)
            }
        };
        let record = input.next()?;
        (self.skipped, self.sent_raw) = (input.skipped(), input.sent_raw());
        if record.is_none() {
            self.is_over = true;
            self.opened = None;
        }
        Ok(record)
    }

    fn skipped(&self) -> u64 {
        self.skipped
    }

    fn sent_raw(&self) -> u64 {
        self.sent_raw
    }

    fn description(&self) -> String {
        self.description.clone()
    }

    fn extent(&self) -> Option<String> {
        self.extent.clone()
    }
}
