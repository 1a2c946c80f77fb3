//! Lines that say themselves which records they are.

use std::collections::VecDeque;

use super::{Origins, Unknown};
use crate::envelope::decode;
use crate::index::Origin;

/// Reads the origins of lines that are envelopes.
#[derive(Debug, Default)]
pub struct Envelopes {
    lines: u64,
}

impl Origins for Envelopes {
    fn line(&mut self, line: &[u8], known: &mut VecDeque<Origin>) -> Result<(), Unknown> {
        self.lines += 1;
        let decoded = decode(line).map_err(|why| Unknown::NotAnEnvelope {
            line: self.lines,
            why,
        })?;
        known.push_back(Origin {
            partition: decoded.partition,
            offset: decoded.offset,
            timestamp_ms: decoded.timestamp.map(|timestamp| timestamp.ms),
        });
        Ok(())
    }

    fn end(&mut self, _known: &mut VecDeque<Origin>) -> Result<(), Unknown> {
        Ok(())
    }
}
