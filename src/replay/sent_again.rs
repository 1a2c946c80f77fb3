//! Records that came back because of others in their batch, and are sent once more.
//!
//! Brokers refuse whole batches. Of one that came back the records go again in their order, before anything else is handed
//! over: those that may be the reason alone, and then their answer counts.

use std::collections::VecDeque;

use crate::source::kafka::{NotSent, Producer, Refusal, Returned, Target};

/// Of a tag: the record was sent once more, in company or alone.
const IN_COMPANY: u64 = 1 << 62;
const ALONE: u64 = 1 << 63;

/// A record's tag, as it was when it was sent first.
pub(super) fn plain(tag: u64) -> u64 {
    tag & !(IN_COMPANY | ALONE)
}

/// Those that wait.
#[derive(Debug, Default)]
pub(super) struct SentAgain {
    waiting: VecDeque<(u64, Box<Returned>)>,
    /// Some of them are under way.
    has_begun: bool,
    /// The last one that was sent is to be alone.
    is_alone: bool,
}

impl SentAgain {
    /// Takes a record that came back, unless it was sent alone: then nothing else was the reason.
    pub fn take(&mut self, tag: u64, refusal: Refusal, record: Option<Box<Returned>>) -> bool {
        let Some(record) = record.filter(|_| refusal.is_of_a_batch() && tag & ALONE == 0) else {
            return false;
        };
        let is_suspect = refusal != Refusal::Company || tag & IN_COMPANY != 0;
        let how = if is_suspect { ALONE } else { IN_COMPANY };
        self.waiting.push_back((plain(tag) | how, record));
        true
    }

    /// Is none waiting?
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Sends what can go now. Never waits. Hands those that the client doesn't take to `refused`.
    pub fn send<'a>(
        &mut self,
        producer: &Producer,
        target: impl Fn(u64) -> &'a Target,
        refused: &mut dyn FnMut(u64, Refusal, String),
    ) {
        while let Some((tag, record)) = self.waiting.front() {
            let is_to_be_alone = tag & ALONE != 0;
            let needs_quiet = is_to_be_alone || self.is_alone || !self.has_begun;
            if needs_quiet && producer.outstanding() > 0 {
                return;
            }
            match producer.send(target(plain(*tag)), &record.record(), *tag) {
                Ok(()) => (self.has_begun, self.is_alone) = (true, is_to_be_alone),
                Err(NotSent::Full) => return,
                Err(NotSent::Refused(refusal, error)) => {
                    refused(plain(*tag), refusal, error.to_string());
                }
            }
            self.waiting.pop_front();
        }
        if producer.outstanding() == 0 {
            *self = Self::default();
        }
    }
}
