//! How records are sent: to which topic, with which timestamp, into which partition.

use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use archiver_format::record::Partition;

use super::clock::in_ms;
use super::due::Due;
use crate::source::kafka::Refusal;

/// Which timestamp a record has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Timestamps {
    /// Its own.
    #[default]
    Keep,
    /// The moment at which it is sent.
    Now,
    /// Its own, moved so that the first record is now.
    Shift,
}

/// Which partition a record is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partitions {
    /// The one that it was in.
    Keep,
    /// The one that its key says, as Kafka's own producers have it.
    Key,
    /// Each in turn.
    Spread,
}

/// What is done with a record that the brokers refuse for good.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnRefused {
    /// End with an error.
    #[default]
    Stop,
    /// Leave it out, and count it.
    Skip,
}

impl FromStr for Timestamps {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "keep" => Self::Keep,
            "now" => Self::Now,
            "shift" => Self::Shift,
            _ => return Err("it is none of keep, now and shift"),
        })
    }
}

impl FromStr for Partitions {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "keep" => Self::Keep,
            "key" => Self::Key,
            "spread" => Self::Spread,
            _ => return Err("it is none of keep, key and spread"),
        })
    }
}

impl FromStr for OnRefused {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "stop" => Self::Stop,
            "skip" => Self::Skip,
            _ => return Err("it is neither stop nor skip"),
        })
    }
}

/// A topic that records are sent to.
#[derive(Debug, Clone)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// How many partitions it has.
    pub partitions: Partition,
}

/// How records are sent.
#[derive(Debug, Clone, Copy)]
pub struct Sending {
    /// With which timestamps.
    pub timestamps: Timestamps,
    /// Into which partitions; where nothing was said, the one it was in, if it was in one.
    pub partitions: Option<Partitions>,
    /// What is done with a record that is refused.
    pub on_refused: OnRefused,
}

impl Sending {
    /// Is a record left out that is refused for this reason? Not where others would be, too, or may come later.
    pub(super) fn leaves_out(&self, refusal: Refusal) -> bool {
        let is_of_all = matches!(refusal, Refusal::Gone | Refusal::Lost);
        self.on_refused == OnRefused::Skip && !is_of_all
    }

    /// The timestamp of a record, in milliseconds since 1970; none for the moment at which it is sent. Notes by how much
    /// times are moved, once that is known.
    pub fn timestamp_ms(&self, due: &Due, shift_ms: &mut Option<i64>) -> Option<i64> {
        let own_ms = in_ms(due.merged.record.time_ns);
        match self.timestamps {
            Timestamps::Now => None,
            Timestamps::Keep => Some(own_ms),
            Timestamps::Shift => {
                let later_ms = in_ms(due.later_ns);
                let shift_ms = shift_ms.get_or_insert_with(|| now_ms() - own_ms);
                Some(own_ms + later_ms + *shift_ms)
            }
        }
    }

    /// The partition of a record; none where the key says it. `sent` counts what went to the topic before.
    pub fn partition(&self, due: &Due, to: &Topic, sent: u64) -> Option<Partition> {
        match self.partitions {
            None | Some(Partitions::Keep) => due.merged.record.partition,
            Some(Partitions::Key) => None,
            Some(Partitions::Spread) => {
                let partitions = u64::try_from(to.partitions).unwrap_or(1).max(1);
                Partition::try_from(sent % partitions).ok()
            }
        }
    }
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::merge::Merged;
    use crate::replay::record::Outgoing;

    fn due(time_ns: i128, later_ns: i128) -> Due {
        let record = Outgoing {
            time_ns,
            partition: Some(3),
            ..Outgoing::default()
        };
        let merged = Merged {
            input: 0,
            due_ns: time_ns,
            record,
        };
        Due {
            merged,
            read: 1,
            round: 0,
            later_ns,
        }
    }

    fn sending(timestamps: Timestamps, partitions: Option<Partitions>) -> Sending {
        Sending {
            timestamps,
            partitions,
            on_refused: OnRefused::Stop,
        }
    }

    #[test]
    fn timestamps_are_kept_left_out_or_moved() {
        let ms = |timestamps, due: &Due, shift: &mut Option<i64>| {
            sending(timestamps, None).timestamp_ms(due, shift)
        };
        let at = due(5_999_999, 0);
        assert_eq!(ms(Timestamps::Keep, &at, &mut None), Some(5));
        assert_eq!(ms(Timestamps::Now, &at, &mut None), None);
        assert_eq!(ms(Timestamps::Keep, &due(-1, 0), &mut None), Some(-1));
        let mut shift = Some(1_000);
        assert_eq!(ms(Timestamps::Shift, &at, &mut shift), Some(1_005));
        let later = due(5_999_999, 20_000_000);
        assert_eq!(ms(Timestamps::Shift, &later, &mut shift), Some(1_025));
        let mut unknown = None;
        let first = ms(Timestamps::Shift, &at, &mut unknown).expect("a timestamp");
        assert!((now_ms() - first) < 1_000);
        let second = ms(Timestamps::Shift, &due(105_000_000, 0), &mut unknown);
        assert_eq!(second, Some(first + 100));
    }

    #[test]
    fn partitions_are_kept_left_to_the_key_or_taken_in_turn() {
        let to = Topic {
            name: "t".into(),
            partitions: 4,
        };
        let partition = |partitions, sent| {
            sending(Timestamps::Keep, partitions).partition(&due(0, 0), &to, sent)
        };
        assert_eq!(partition(None, 0), Some(3));
        assert_eq!(partition(Some(Partitions::Keep), 0), Some(3));
        assert_eq!(partition(Some(Partitions::Key), 0), None);
        assert_eq!(partition(Some(Partitions::Spread), 6), Some(2));
    }
}
