//! What an archive has of one partition of one life of its topic, record by record.

use std::ops::RangeInclusive;

use archiver_format::envelope::decode;
use archiver_format::index::Origin;
use archiver_format::line::Format;
use archiver_format::record::LeaderEpoch;

use super::Tally;
use super::holds::{Gap, encoded};
use crate::sim::kafka::{Log, Offset, Written};

/// What an archive has of one partition of one life of its topic.
pub struct Part<'a> {
    /// What the records' values begin with.
    pub name: String,
    /// Everything that was ever in it.
    pub log: &'a Log,
    /// The first offset that it must have.
    pub start: Offset,
    /// The one that it reads next.
    pub end: Offset,
    /// What the record before that was written in, where it knows.
    pub epoch: Option<LeaderEpoch>,
    /// Its gaps.
    pub gaps: Vec<&'a Gap>,
    /// Offsets of this partition, in whatever life of the topic, that are not kept any longer.
    pub deleted: Vec<RangeInclusive<Offset>>,
}

impl Part<'_> {
    /// Checks the records with a name of their own, and says how many others there must and may be.
    pub fn check(&self, found: &[usize], tally: &mut Tally) -> Result<(usize, usize), String> {
        let once = self.check_order(found, tally);
        let there = self.check_each(found, tally);
        once?;
        self.check_gaps()?;
        there
    }

    /// Checks what the records are.
    pub fn check_values(
        &self,
        found: &[(usize, &[u8], Option<Origin>)],
        format: Format,
    ) -> Result<(), String> {
        for (number, line, origin) in found {
            let written = self.log.all.get(*number);
            let is_written = written.is_some_and(|written| match format {
                Format::Raw(newline) => {
                    let value = written.value.as_ref();
                    value.is_some_and(|value| *line == encoded(value, newline))
                }
                Format::Json(_) => decode(line).is_ok_and(|decoded| {
                    let (topic, partition) = (&decoded.topic, decoded.partition);
                    let (name, _) = self.name.split_once('/').unwrap_or_default();
                    let is_here = self.name.ends_with(&format!("/{partition}")) && topic == name;
                    is_here && written.is(&decoded)
                }),
            });
            let is_known = match (written, origin) {
                (Some(written), Some(origin)) => {
                    written.offset == origin.offset
                        && self.name.ends_with(&format!("/{}", origin.partition))
                        && written.timestamp.map(|timestamp| timestamp.ms) == origin.timestamp_ms
                }
                _ => true,
            };
            if !is_known {
                return Err(format!("{}.{number} is not what its index says", self.name));
            }
            if !is_written {
                return Err(format!("{}.{number} is not as it was written", self.name));
            }
        }
        Ok(())
    }

    fn check_order(&self, found: &[usize], tally: &mut Tally) -> Result<(), String> {
        let name = &self.name;
        let Some(pair) = found.windows(2).find(|pair| pair[0] >= pair[1]) else {
            return Ok(());
        };
        let mut sorted = found.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let doubled = found.len() - sorted.len();
        tally.doubled += doubled as u64;
        let what = if doubled > 0 {
            "doubled"
        } else {
            "out of order"
        };
        Err(format!(
            "{what}: {name}.{} after {name}.{}",
            pair[1], pair[0]
        ))
    }

    fn check_each(&self, found: &[usize], tally: &mut Tally) -> Result<(usize, usize), String> {
        let name = &self.name;
        let mut there = vec![false; self.log.all.len()];
        for &number in found {
            let at = there.get_mut(number);
            *at.ok_or_else(|| format!("{name}.{number} was never written"))? = true;
        }
        let (mut least, mut most, mut wrong) = (0, 0, Ok(()));
        for ((number, written), is_there) in self.log.all.iter().enumerate().zip(there) {
            let (must, may) = self.must_and_may(written);
            tally.compared += u64::from(must);
            if written.value.as_ref().is_none_or(Vec::is_empty) {
                least += usize::from(must);
                most += usize::from(may);
                continue;
            }
            let offset = written.offset;
            if must && !is_there {
                tally.lost += 1;
                wrong = wrong.and(Err(format!("lost: {name}.{number} at offset {offset}")));
            }
            if is_there && !may {
                let extra = format!("{name}.{number} at offset {offset} must not be there");
                wrong = wrong.and(Err(extra));
            }
        }
        wrong.map(|()| (least, most))
    }

    /// Must a record be there, and may it?
    fn must_and_may(&self, written: &Written) -> (bool, bool) {
        let in_range = (self.start..self.end).contains(&written.offset);
        let in_gap = self.is_in_gap(written);
        let is_awaited = !written.rewritten || self.has_gone_back(written);
        let is_old = written.excused || written.rewritten;
        let mut deleted = self.deleted.iter();
        let is_deleted = deleted.any(|offsets| offsets.contains(&written.offset));
        (
            in_range
                && !is_deleted
                && !written.excused
                && !written.aborted
                && !in_gap
                && is_awaited,
            (in_range || self.log.got_shorter) && !written.aborted && (is_old || !in_gap),
        )
    }

    /// Must it have gone back for a record whose offset it had read before its log became another one? It may not have
    /// seen that before it has read something as late, and what was deleted until then is gone.
    fn has_gone_back(&self, written: &Written) -> bool {
        let has_read_later = self.epoch.is_some_and(|epoch| epoch >= written.epoch);
        has_read_later && written.offset >= self.log.start
    }

    fn check_gaps(&self) -> Result<(), String> {
        let (name, log) = (&self.name, self.log);
        let recreated = self.gaps.iter().filter(|gap| gap.reason == "recreated");
        if recreated.count() > 1 {
            return Err(format!("the end of {name} is listed twice"));
        }
        if !log.got_shorter && self.gaps.iter().any(|gap| gap.reason == "truncated") {
            return Err(format!("{name} never got shorter"));
        }
        let mut before = self.start;
        for gap in self.gaps.iter().filter(|gap| gap.reason == "expired") {
            let to = gap.to.ok_or("an expired gap without an end")?;
            let fits = before <= gap.from && gap.from < to && to <= log.start.min(self.end);
            if !fits && !log.got_shorter {
                return Err(format!("{name}: a gap that can't be: {gap:?}"));
            }
            before = to;
        }
        for gap in self.gaps.iter().filter(|gap| gap.reason == "corrupt") {
            let to = gap.to.ok_or("a corrupt gap without an end")?;
            let mut batches = log.were_corrupt.iter();
            if !batches.any(|batch| batch.start <= gap.from && gap.from < to && to <= batch.end) {
                return Err(format!("{name}: a gap that can't be: {gap:?}"));
            }
        }
        Ok(())
    }

    fn is_in_gap(&self, written: &Written) -> bool {
        let is_left_out = |gap: &&&Gap| matches!(gap.reason.as_str(), "expired" | "corrupt");
        let mut left_out = self.gaps.iter().filter(is_left_out);
        left_out.any(|gap| (gap.from..gap.to.unwrap_or(gap.from)).contains(&written.offset))
    }
}
