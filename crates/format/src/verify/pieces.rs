//! Pieces: the offsets that one segment holds, as far as they go up in each partition.

use super::runs::{Run, Runs};
use crate::contents::Contents;
use crate::index::Origin;
use crate::record::Partition;

/// Offsets of one partition that go up from line to line.
#[derive(Debug)]
pub(super) struct Piece {
    pub partition: Partition,
    pub runs: Runs,
}

/// The offsets of a segment's lines. Where a partition goes back another piece of it begins.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    list: Vec<Piece>,
    /// The last piece of each partition, in their order.
    last: Vec<(Partition, usize)>,
}

impl Pieces {
    /// What is known of lines without an index: only where a partition has as many as offsets. What isn't known of the
    /// others is told by `false`.
    pub fn of_contents(contents: &Contents) -> (Self, bool) {
        let mut pieces = Self::default();
        let mut is_all = true;
        for (partition, span) in &contents.partitions {
            let run = Run {
                from: span.first,
                to: span.last.saturating_add(1),
            };
            if u64::try_from(run.to.saturating_sub(run.from)) == Ok(span.records) {
                pieces.list.push(Piece {
                    partition: *partition,
                    runs: Runs::whole(run),
                });
            } else {
                is_all = false;
            }
        }
        (pieces, is_all)
    }

    /// Takes up the origins of a block's lines.
    pub fn extend(&mut self, origins: &[Origin]) {
        let mut at = None::<(Partition, usize)>;
        for origin in origins {
            let Origin {
                partition, offset, ..
            } = *origin;
            // Lines come in runs of one partition.
            let is_taken = at.is_some_and(|(known, piece)| {
                known == partition && self.list[piece].runs.push(offset)
            });
            if !is_taken {
                at = Some((partition, self.take(partition, offset)));
            }
        }
    }

    /// Takes up an offset, and says in which piece that is.
    fn take(&mut self, partition: Partition, offset: i64) -> usize {
        // Most segments have all partitions, so that one is found where its number says.
        let guess = usize::try_from(partition).unwrap_or(usize::MAX);
        let at = match self.last.get(guess) {
            Some((known, _)) if *known == partition => Ok(guess),
            _ => self
                .last
                .binary_search_by_key(&partition, |(known, _)| *known),
        };
        if let Ok(at) = at
            && let piece = self.last[at].1
            && self.list[piece].runs.push(offset)
        {
            return piece;
        }
        let piece = self.list.len();
        self.list.push(Piece {
            partition,
            runs: Runs::new(offset),
        });
        match at {
            Ok(at) => self.last[at].1 = piece,
            Err(at) => self.last.insert(at, (partition, piece)),
        }
        piece
    }

    /// All pieces, by their partitions; those of one in the order of its lines.
    pub fn into_list(mut self) -> Vec<Piece> {
        self.list.sort_by_key(|piece| piece.partition);
        self.list
    }
}
