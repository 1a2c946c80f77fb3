//! Inputs merged by time: one order for all topics, in which each input keeps its own.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::record::{Input, InputError, Outgoing};

/// A record in the order of all inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// Which input it is of, from 0.
    pub input: usize,
    /// When it is due by the records' times: its own, or that of a record before it in its input that happened later.
    /// Never less than that of the one before.
    pub due_ns: i128,
    /// The record.
    pub record: Outgoing,
}

impl Merged {
    /// Did it happen before a record that came earlier?
    pub fn steps_back(&self) -> bool {
        self.record.time_ns < self.due_ns
    }
}

/// The inputs, of each of which one record is held.
pub struct Merge {
    inputs: Vec<Box<dyn Input>>,
    heads: Vec<Option<Outgoing>>,
    /// The latest time that each has had.
    latest_ns: Vec<i128>,
    /// The heads, by when they are due.
    order: BinaryHeap<Reverse<(i128, usize)>>,
    /// The input whose head was taken. Its next record is read when it is needed: it may still have to be written.
    taken: Option<usize>,
    /// The latest time of all that it began behind, if that is anything.
    behind_ns: Option<i128>,
}

impl Merge {
    /// Of these inputs, behind so many records of each.
    ///
    /// # Errors
    ///
    /// If one can't be read.
    pub fn new(mut inputs: Vec<Box<dyn Input>>, behind: &[u64]) -> Result<Self, InputError> {
        let mut latest_ns = vec![i128::MIN; inputs.len()];
        for (input, (latest, count)) in inputs.iter_mut().zip(latest_ns.iter_mut().zip(behind)) {
            for _ in 0..*count {
                let Some(record) = input.next()? else {
                    return Err(InputError(format!(
                        "an input for topic {} has fewer than the {count} records that were sent of it before: it is \
                         another one now; begin anew without --resume",
                        input.topic()
                    )));
                };
                *latest = record.time_ns.max(*latest);
            }
        }
        let behind_ns = latest_ns.iter().copied().max();
        let mut merge = Self {
            behind_ns: behind_ns.filter(|ns| *ns > i128::MIN),
            heads: inputs.iter().map(|_| None).collect(),
            latest_ns,
            order: BinaryHeap::new(),
            taken: None,
            inputs,
        };
        for input in 0..merge.inputs.len() {
            merge.read(input)?;
        }
        Ok(merge)
    }

    /// The next record; `None` behind the last one.
    ///
    /// # Errors
    ///
    /// If its input can't be read.
    pub fn next(&mut self) -> Result<Option<Merged>, InputError> {
        if let Some(input) = self.taken.take() {
            self.read(input)?;
        }
        let Some(Reverse((due_ns, input))) = self.order.pop() else {
            return Ok(None);
        };
        self.taken = Some(input);
        Ok(self.heads[input].take().map(|record| Merged {
            input,
            due_ns,
            record,
        }))
    }

    /// When the last record was due of those that it began behind; nothing at the beginning.
    pub fn behind_ns(&self) -> Option<i128> {
        self.behind_ns
    }

    /// How many rows were left out, of all inputs.
    pub fn skipped(&self) -> u64 {
        self.inputs.iter().map(|input| input.skipped()).sum()
    }

    /// How many rows were given as they stand, of all inputs.
    pub fn sent_raw(&self) -> u64 {
        self.inputs.iter().map(|input| input.sent_raw()).sum()
    }

    fn read(&mut self, input: usize) -> Result<(), InputError> {
        self.heads[input] = self.inputs[input].next()?;
        if let Some(record) = &self.heads[input] {
            let latest = &mut self.latest_ns[input];
            *latest = record.time_ns.max(*latest);
            self.order.push(Reverse((*latest, input)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Listed(std::vec::IntoIter<i128>);

    impl Input for Listed {
        fn topic(&self) -> &str {
            "t"
        }

        fn partitions(&self) -> Option<i32> {
            None
        }

        fn next(&mut self) -> Result<Option<Outgoing>, InputError> {
            Ok(self.0.next().map(|time_ns| Outgoing {
                time_ns,
                ..Outgoing::default()
            }))
        }
    }

    fn merged(inputs: &[&[i128]], behind: &[u64]) -> Vec<(usize, i128, i128)> {
        let boxed =
            |times: &&[i128]| Box::new(Listed(Vec::from(*times).into_iter())) as Box<dyn Input>;
        let inputs = inputs.iter().map(boxed).collect();
        let mut merge = Merge::new(inputs, behind).expect("can be read");
        let mut all = Vec::new();
        while let Some(next) = merge.next().expect("can be read") {
            all.push((next.input, next.due_ns, next.record.time_ns));
        }
        all
    }

    #[test]
    fn inputs_are_merged_by_time_and_keep_their_own_order() {
        let all = merged(&[&[1, 4, 9], &[2, 3, 10], &[]], &[0, 0, 0]);
        let order = all.iter().map(|(input, _, time)| (*input, *time));
        assert_eq!(
            order.collect::<Vec<_>>(),
            [(0, 1), (1, 2), (1, 3), (0, 4), (0, 9), (1, 10)]
        );
    }

    #[test]
    fn a_step_back_is_due_at_what_came_before_it() {
        let all = merged(&[&[5, 1, 7], &[6]], &[0, 0]);
        assert_eq!(all, [(0, 5, 5), (0, 5, 1), (1, 6, 6), (0, 7, 7)]);
    }

    #[test]
    fn it_goes_on_behind_what_was_sent() {
        let all = merged(&[&[5, 1, 7], &[6]], &[2, 0]);
        assert_eq!(all, [(1, 6, 6), (0, 7, 7)]);
        // A step back stays one.
        assert_eq!(merged(&[&[5, 1, 7]], &[1]), [(0, 5, 1), (0, 7, 7)]);
        let short = Merge::new(vec![Box::new(Listed(vec![5].into_iter()))], &[9]);
        let said = short.err().expect("isn't the same").to_string();
        assert!(said.contains("another one now"), "{said}");
    }
}
