//! A record that is to be sent, and where a replay goes on behind it.

use super::merge::Merged;

/// A record in the order of all inputs and rounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The record. Its times are those of the inputs, in whichever round it is.
    pub merged: Merged,
    /// So many records of its input are read with it in this round.
    pub read: u64,
    /// So many rounds are over.
    pub round: u32,
    /// By so much later it is due than in the round that was begun or gone on with first, in nanoseconds.
    pub later_ns: i128,
}

impl Due {
    /// When it is due by the records' times, those of later rounds behind those of earlier ones.
    pub fn at_ns(&self) -> i128 {
        self.merged.due_ns + self.later_ns
    }
}
