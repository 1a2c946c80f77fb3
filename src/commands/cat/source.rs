//! A source of lines: one archive, of which as much is printed as can be read by now, again and again.
//!
//! What a checkpoint counts never changes. What is behind it in a growing segment can be read as soon as its block is
//! whole, but after a crash it is cut off and archived once more, in other blocks. So behind each block that was printed it
//! is remembered which one that was, and which records behind the checkpoint were printed: if another block is there
//! later, the segment is read once more from where a checkpoint counted it, without those records.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::time::SystemTime;

use anyhow::Context;
use archiver_format::archive::{Archive, Segment, State, handed_over};
use archiver_format::index::IndexError;
use archiver_format::read::{self, ReadError, Reader, Selection};

use super::printed::Printed;
use super::printer::{Kind, Printer};
use crate::catalog::Chosen;
use crate::logging;

/// An archive whose lines are printed.
pub(super) struct Source {
    chosen: Chosen,
    selection: Selection,
    /// Will it be asked for more?
    follows: bool,
    archive: Option<Archive>,
    /// Which file the checkpoint was when it was read.
    stamp: Option<Stamp>,
    /// How far each segment was printed.
    done: BTreeMap<u64, Done>,
    /// What was printed behind the checkpoint.
    printed: Printed,
    /// What was printed of it before that was taken away.
    taken_back: Printed,
    /// How many bytes were left out because it isn't known which records they hold.
    left_out: u64,
    /// Records of segments that are gone, as a command has had them.
    handed_over: u64,
}

/// How often a segment is read whose end is taken away meanwhile.
const ATTEMPTS: usize = 5;

type Stamp = (u64, u64, Option<SystemTime>);

/// How far a segment was printed.
#[derive(Debug, Clone, Copy, Default)]
struct Done {
    /// Up to here.
    bytes: u64,
    /// The checksum of the block that ends there, if it is known.
    checksum: Option<u32>,
    /// So many of them were counted by a checkpoint.
    counted: u64,
}

/// How a segment is read on.
enum Opened {
    /// From where it was printed.
    There(Box<Reader>),
    /// From where a checkpoint counted it: what was printed of the rest is another block now.
    Back(Box<Reader>),
}

impl Source {
    /// A source of the lines that are asked for. One that follows is printed more than once.
    pub fn new(chosen: Chosen, selection: Selection, follows: bool) -> Self {
        Self {
            chosen,
            selection,
            follows,
            archive: None,
            stamp: None,
            done: BTreeMap::new(),
            printed: Printed::default(),
            taken_back: Printed::default(),
            left_out: 0,
            handed_over: 0,
        }
    }

    /// How many bytes were left out because it isn't known which records they hold.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// How many records were left out because their segments were handed over to a command, and are gone.
    pub fn handed_over(&self) -> u64 {
        self.handed_over
    }

    /// The archive's name.
    pub fn name(&self) -> &str {
        &self.chosen.name
    }

    /// Reads the archive's state, if it has changed. False if there is none.
    pub fn load(&mut self) -> anyhow::Result<bool> {
        let checkpoint = self.chosen.state.checkpoint().metadata().ok();
        let stamp = checkpoint.as_ref().map(stamp);
        if stamp.is_none() || stamp != self.stamp {
            self.reload()?;
            self.stamp = stamp;
        }
        Ok(self.archive.is_some())
    }

    fn reload(&mut self) -> anyhow::Result<()> {
        let name = &self.chosen.name;
        let archive = self
            .chosen
            .load()
            .with_context(|| format!("archive {name}"))?;
        let topic_id = |archive: &Archive| archive.checkpoint.identity.topic_id.clone();
        if archive.as_ref().map(topic_id) != self.archive.as_ref().map(topic_id) {
            // Its records have the same offsets and are others.
            self.printed = Printed::default();
            self.taken_back = Printed::default();
        }
        self.archive = archive;
        Ok(())
    }

    /// Prints what can be read by now and was not printed yet.
    pub fn print(&mut self, printer: &mut Printer) -> anyhow::Result<()> {
        let Some(archive) = self.archive.take() else {
            return Ok(());
        };
        let result = self.print_segments(&archive, printer);
        let positions = &archive.checkpoint.progress.positions;
        self.printed.forget_counted(positions);
        self.taken_back.forget_counted(positions);
        self.archive = Some(archive);
        result
    }

    fn print_segments(&mut self, archive: &Archive, printer: &mut Printer) -> anyhow::Result<()> {
        let only = self.chosen.segment;
        let is_meant = |segment: &&Segment| only.is_none_or(|only| only == segment.file.sequence);
        let segments = archive.segments.iter().filter(is_meant).collect::<Vec<_>>();
        let passed = match printer.tail() {
            Some(lines) if self.selection.is_all() => before_last(&segments, lines),
            _ => 0,
        };
        for (number, segment) in segments.into_iter().enumerate() {
            if printer.is_done() {
                break;
            }
            let sequence = segment.file.sequence;
            let done = self.done.get(&sequence).copied().unwrap_or_default();
            let counted = segment.bytes();
            if segment.is_sealed() && done.counted == counted && done.bytes >= counted {
                continue;
            }
            let can_not_hold = segment.is_sealed() && !segment.may_hold(&self.selection);
            if number < passed || can_not_hold {
                self.done.insert(sequence, Done::all_of(segment));
                continue;
            }
            let topic = &archive.checkpoint.identity.topic;
            let mut kind = printer.kind(&segment.format, topic);
            match self.print_segment(segment, done, &mut kind, printer) {
                Ok(after) => drop(self.done.insert(sequence, after)),
                Err(error) if is_missing(&error) && self.is_deleted(sequence)? => {}
                Err(error) if is_missing(&error) && self.was_handed_over(sequence) => {
                    self.handed_over += segment.contents().records;
                    self.done.insert(sequence, Done::all_of(segment));
                }
                Err(error) => {
                    let name = &self.chosen.name;
                    return Err(error).with_context(|| format!("archive {name}"));
                }
            }
        }
        Ok(())
    }

    /// Was the segment deleted by archiver since the checkpoint was read?
    fn is_deleted(&self, sequence: u64) -> anyhow::Result<bool> {
        let now = self.chosen.load()?;
        Ok(now.is_some_and(|archive| archive.segment(sequence).is_none()))
    }

    /// Has a command had the segment? It may do with it what it wants.
    fn was_handed_over(&self, sequence: u64) -> bool {
        handed_over(&self.chosen.state).contains(&sequence)
    }

    /// Prints what a segment holds beyond what was printed of it; how far that is.
    fn print_segment(
        &mut self,
        segment: &Segment,
        done: Done,
        kind: &mut Kind,
        printer: &mut Printer,
    ) -> anyhow::Result<Done> {
        let mut after = done;
        let mut given = 0;
        let mut attempts = 0;
        let error = loop {
            let printed = self.print_blocks(segment, &mut after, &mut given, kind, printer);
            let Err(error) = printed else {
                return Ok(after);
            };
            // No checkpoint counts that; it is being cut off, or will be read later.
            let is_uncounted = (error.downcast_ref()).is_some_and(|e| is_uncounted(segment, e));
            if is_uncounted && after.bytes >= segment.bytes() {
                return Ok(after);
            }
            attempts += 1;
            if !is_uncounted || attempts == ATTEMPTS {
                break error;
            }
        };
        let Some(unread) = error.downcast_ref::<ReadError>() else {
            return Err(error);
        };
        let is_index = matches!(
            unread,
            ReadError::Index { .. } | ReadError::IndexEnds { .. }
        );
        let is_needed = self.follows || !self.selection.is_all() || !printer.needs_no_origin();
        if is_needed || !is_index {
            return Err(error);
        }
        let name = &self.chosen.name;
        logging::complain(&format!(
            "archiver: archive {name}: {unread}; its lines are read without it"
        ));
        print_without_index(segment, given, kind, printer)?;
        Ok(Done::all_of(segment))
    }

    /// Prints blocks, and notes how far that is, and how many bytes of lines were read.
    fn print_blocks(
        &mut self,
        segment: &Segment,
        after: &mut Done,
        given: &mut usize,
        kind: &mut Kind,
        printer: &mut Printer,
    ) -> anyhow::Result<()> {
        let (bytes, counted) = (segment.bytes_now(), segment.bytes());
        let mut left_out = 0;
        let mut reader = match self.open(segment, bytes, after)? {
            Opened::There(reader) => reader,
            Opened::Back(reader) => {
                self.taken_back.take_up(&mut self.printed);
                after.bytes = after.counted;
                reader
            }
        };
        if after.bytes == 0 {
            left_out = reader.left_out();
            if let Some(lines) = printer.tail() {
                reader.skip_to_last(lines)?;
            }
        }
        after.counted = counted.min(after.bytes);
        while let Some(lines) = reader.advance()? {
            let block = lines.block();
            *given += lines.plain_bytes();
            // Only what no checkpoint counts is taken away by a crash.
            let is_counted = block.is_none_or(|block| block.file_end() <= counted);
            let is_noted = self.follows && !is_counted;
            let is_all = !is_noted && self.taken_back.is_empty();
            let (printed, taken_back) = (&mut self.printed, &self.taken_back);
            printer.block(&lines, kind, is_all, |origin| {
                if is_noted {
                    printed.add(origin);
                }
                !taken_back.contains(origin)
            })?;
            if printer.is_done() {
                break;
            }
            if let Some(block) = block {
                after.bytes = block.file_end();
                after.checksum = Some(block.checksum);
            }
        }
        if let Some(block) = reader.block() {
            after.checksum = Some(block.checksum);
        }
        self.left_out += left_out;
        *after = Done {
            bytes,
            counted,
            ..*after
        };
        Ok(())
    }

    /// Opens a segment where it was printed up to.
    fn open(&self, segment: &Segment, bytes: u64, done: &Done) -> anyhow::Result<Opened> {
        if done.bytes == 0 {
            let reader = segment.open(bytes, &self.selection)?;
            return Ok(Opened::There(Box::new(reader)));
        }
        // What that checkpoint counts is as it was.
        let behind = match done.counted == segment.bytes() && done.bytes >= done.counted {
            true => segment.open_uncounted(bytes, &self.selection)?,
            false => None,
        };
        let is_behind = behind.is_some();
        let mut reader = match behind {
            Some(reader) => reader,
            None => segment.open(bytes, &self.selection)?,
        };
        let is_known = is_behind && done.bytes == done.counted;
        let checksum = done.checksum.filter(|_| !is_known);
        if reader.skip_to(done.bytes, checksum)? {
            return Ok(Opened::There(Box::new(reader)));
        }
        let mut reader = segment.open(bytes, &self.selection)?;
        anyhow::ensure!(
            reader.skip_to(done.counted, None)?,
            "{} is not what was read of it before",
            segment.path_now().display()
        );
        Ok(Opened::Back(Box::new(reader)))
    }
}

impl Done {
    /// As far as it goes.
    fn all_of(segment: &Segment) -> Self {
        Self {
            bytes: segment.bytes_now(),
            checksum: None,
            counted: segment.bytes(),
        }
    }
}

/// Is a segment not there?
fn is_missing(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref::<ReadError>(),
        Some(ReadError::Io { source, .. }) if source.kind() == ErrorKind::NotFound
    )
}

/// Can't something be read that no checkpoint counts?
fn is_uncounted(segment: &Segment, error: &ReadError) -> bool {
    let State::Growing(growing) = &segment.state else {
        return false;
    };
    let counted = growing.mark.length;
    match error {
        ReadError::Damaged { byte, .. } => *byte >= counted,
        ReadError::IndexEnds { found, .. } | ReadError::Short { found, .. } => *found >= counted,
        ReadError::Index {
            source: IndexError::Damaged { byte, .. } | IndexError::Torn { byte },
            ..
        } => (growing.index.as_ref()).is_some_and(|index| *byte >= index.length),
        ReadError::Index { .. } | ReadError::Io { .. } => false,
    }
}

/// How many segments come before those that hold the last so many lines.
fn before_last(segments: &[&Segment], lines: u64) -> usize {
    let mut held = 0;
    for (number, segment) in segments.iter().enumerate().rev() {
        held += segment.contents().records;
        if held >= lines {
            return number;
        }
    }
    0
}

/// Prints all lines of a segment but the first so many bytes of them.
fn print_without_index(
    segment: &Segment,
    given: usize,
    kind: &mut Kind,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let without = read::Segment {
        index: None,
        ..segment.readable(segment.bytes())
    };
    let mut reader = Reader::open(without, Selection::default())?;
    let mut skipped = given;
    while let Some(lines) = reader.advance()? {
        let whole = lines.whole().unwrap_or_default();
        let skip = skipped.min(whole.len());
        skipped -= skip;
        printer.unknown(&whole[skip..], kind)?;
        if printer.is_done() {
            break;
        }
    }
    Ok(())
}

/// By what a checkpoint is known from the one before: each is a file of its own.
fn stamp(checkpoint: &Metadata) -> Stamp {
    (
        checkpoint.ino(),
        checkpoint.len(),
        checkpoint.modified().ok(),
    )
}
