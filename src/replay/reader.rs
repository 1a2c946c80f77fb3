//! The reader: a thread that merges the inputs, round after round, and fills the buffer with what is wanted of them.

use super::buffer::{Buffer, Read};
use super::due::Due;
use super::merge::Merge;
use super::place::Place;
use super::record::{Input, InputError};

/// Opens all inputs anew, from their beginning.
pub type Open = Box<dyn FnMut() -> Result<Vec<Box<dyn Input>>, InputError> + Send>;

/// What is wanted of the inputs.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Only records that happened at this time or later, in nanoseconds since 1970.
    pub since_ns: Option<i128>,
    /// Only records that happened before this time.
    pub until_ns: Option<i128>,
    /// So many records, at most.
    pub limit: Option<u64>,
    /// So many rounds.
    pub rounds: u32,
}

/// Reads the inputs from a place on.
pub struct Reader {
    /// Opens them.
    pub open: Open,
    /// What of them is wanted.
    pub wanted: Wanted,
    /// How far they were sent.
    pub place: Place,
}

impl Reader {
    /// Reads all that is wanted into the buffer, until nobody takes it any more; its end says what was left out, or why it
    /// can't be read on.
    pub fn read(self, buffer: &Buffer) {
        buffer.end(self.fill(buffer));
    }

    fn fill(mut self, buffer: &Buffer) -> Result<Read, InputError> {
        let (mut skipped, mut sent_raw) = (0, 0);
        // When the last record of the round before was due.
        let mut last_ns = None;
        let mut sent = self.place.sent;
        'rounds: for round in self.place.round..self.wanted.rounds {
            let begins_anew = round > self.place.round;
            let mut counts = match begins_anew {
                true => Vec::new(),
                false => self.place.counts.clone(),
            };
            let inputs = (self.open)()?;
            counts.resize(inputs.len(), 0);
            let mut merge = Merge::new(inputs, &counts)?;
            // A round that is gone on with is the first one here, whichever it is.
            let mut later_ns = (!begins_anew).then_some(0);
            if !begins_anew {
                last_ns = merge.behind_ns();
            }
            // What comes behind the limit isn't waited for: it may come never, or be a bad one.
            while !self.wanted.is_enough(sent)
                && let Some(merged) = merge.next()?
            {
                counts[merged.input] += 1;
                if !self.wanted.holds(merged.record.time_ns) {
                    continue;
                }
                sent += 1;
                // The first record of a round is due with the last one of the round before.
                let later_ns = *later_ns.get_or_insert_with(|| {
                    last_ns.map_or(0, |last_ns: i128| last_ns - merged.due_ns)
                });
                let due = Due {
                    read: counts[merged.input],
                    round,
                    later_ns,
                    merged,
                };
                last_ns = Some(due.at_ns());
                if !buffer.put(due) {
                    break 'rounds;
                }
            }
            skipped += merge.skipped();
            sent_raw += merge.sent_raw();
            if self.wanted.is_enough(sent) {
                break;
            }
        }
        Ok(Read { skipped, sent_raw })
    }
}

impl Wanted {
    fn is_enough(&self, sent: u64) -> bool {
        self.limit.is_some_and(|limit| sent >= limit)
    }

    fn holds(&self, time_ns: i128) -> bool {
        self.since_ns.is_none_or(|since| time_ns >= since)
            && self.until_ns.is_none_or(|until| time_ns < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::buffer::Taken;
    use crate::replay::record::Outgoing;
    use std::time::Duration;

    struct Counted(i128, i128);

    impl Input for Counted {
        fn topic(&self) -> &str {
            "t"
        }

        fn partitions(&self) -> Option<i32> {
            None
        }

        fn next(&mut self) -> Result<Option<Outgoing>, InputError> {
            self.0 += 1;
            let time_ns = self.0 * 10;
            Ok((self.0 <= self.1).then(|| Outgoing {
                time_ns,
                ..Outgoing::default()
            }))
        }
    }

    fn read(wanted: Wanted, place: Place) -> Vec<(u32, u64, i128)> {
        let buffer = Buffer::default();
        let reader = Reader {
            open: Box::new(|| Ok(vec![Box::new(Counted(0, 4)) as Box<dyn Input>])),
            wanted,
            place,
        };
        reader.read(&buffer);
        match buffer.take(Duration::ZERO, true) {
            Taken::Records(all) => all
                .iter()
                .map(|due| (due.round, due.read, due.at_ns()))
                .collect(),
            _ => Vec::new(),
        }
    }

    fn rounds(rounds: u32) -> Wanted {
        Wanted {
            rounds,
            ..Wanted::default()
        }
    }

    #[test]
    fn the_next_round_begins_with_the_last_record_of_the_one_before() {
        let all = read(rounds(2), Place::default());
        let dues = all.iter().map(|(_, _, at)| *at).collect::<Vec<_>>();
        assert_eq!(dues, [10, 20, 30, 40, 40, 50, 60, 70]);
    }

    #[test]
    fn it_goes_on_in_the_round_and_behind_the_record_of_its_place() {
        let place = Place {
            round: 1,
            sent: 6,
            counts: vec![2],
            ..Place::default()
        };
        let limited = Wanted {
            limit: Some(9),
            ..rounds(3)
        };
        let all = read(limited, place);
        let places = all.iter().map(|(round, read, _)| (*round, *read));
        assert_eq!(places.collect::<Vec<_>>(), [(1, 3), (1, 4), (2, 1)]);
    }

    #[test]
    fn the_next_round_begins_with_the_last_record_of_one_that_was_over() {
        let over = Place {
            round: 1,
            sent: 8,
            counts: vec![4],
            ..Place::default()
        };
        let all = read(rounds(3), over);
        let places = all.iter().map(|(round, read, at)| (*round, *read, *at));
        let expected = [(2, 1, 40), (2, 2, 50), (2, 3, 60), (2, 4, 70)];
        assert_eq!(places.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_isnt_wanted_is_counted_as_read() {
        let wanted = Wanted {
            since_ns: Some(20),
            until_ns: Some(40),
            ..rounds(1)
        };
        assert_eq!(read(wanted, Place::default()), [(0, 2, 20), (0, 3, 30)]);
    }
}
