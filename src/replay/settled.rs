//! What is settled: up to which place every record has arrived, or was refused for good.
//!
//! Answers come in any order. So records are counted by turn, and a turn's place counts once nothing of it or of a turn
//! before it is under way.

use std::collections::VecDeque;

use super::place::Place;

/// The turns whose records are under way.
#[derive(Debug, Default)]
pub struct Settled {
    /// The number of the first of them.
    first: u64,
    turns: VecDeque<Turn>,
    place: Option<Place>,
}

#[derive(Debug, Default)]
struct Turn {
    /// So many of its records are under way.
    under_way: u64,
    /// Where it has ended; none as long as records are added to it.
    end: Option<Place>,
}

impl Settled {
    /// Counts a record that is under way from now on; returns its turn.
    pub fn sent(&mut self) -> u64 {
        if self.turns.back().is_none_or(|turn| turn.end.is_some()) {
            self.turns.push_back(Turn::default());
        }
        if let Some(turn) = self.turns.back_mut() {
            turn.under_way += 1;
        }
        self.first + self.turns.len() as u64 - 1
    }

    /// A record of this turn has arrived, or was refused for good.
    pub fn answered(&mut self, turn: u64) {
        let at = usize::try_from(turn.saturating_sub(self.first));
        if let Some(turn) = at.ok().and_then(|at| self.turns.get_mut(at)) {
            turn.under_way = turn.under_way.saturating_sub(1);
        }
        self.drain();
    }

    /// The turn ends here; the next record is of another one.
    pub fn turn(&mut self, place: Place) {
        match self.turns.back_mut() {
            Some(turn) if turn.end.is_none() => turn.end = Some(place),
            Some(_) => return,
            None => self.place = Some(place),
        }
        self.drain();
    }

    /// The place up to which all is settled, if that is a later one than was said before.
    pub fn take(&mut self) -> Option<Place> {
        self.place.take()
    }

    fn drain(&mut self) {
        while let Some(Turn {
            under_way: 0,
            end: Some(_),
        }) = self.turns.front()
        {
            self.place = self.turns.pop_front().and_then(|turn| turn.end);
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(sent: u64) -> Place {
        Place {
            sent,
            ..Place::default()
        }
    }

    #[test]
    fn a_place_counts_once_all_before_it_is_answered() {
        let mut settled = Settled::default();
        let (a, b) = (settled.sent(), settled.sent());
        settled.turn(place(2));
        let c = settled.sent();
        settled.turn(place(3));
        assert!(a == b && b != c);
        settled.answered(c);
        settled.answered(a);
        assert_eq!(settled.take(), None, "one of the first turn is under way");
        settled.answered(b);
        assert_eq!(settled.take(), Some(place(3)));
        assert_eq!(settled.take(), None);
    }

    #[test]
    fn a_turn_without_records_counts_at_once() {
        let mut settled = Settled::default();
        settled.turn(place(7));
        assert_eq!(settled.take(), Some(place(7)));
        let a = settled.sent();
        settled.turn(place(8));
        settled.turn(place(8));
        settled.answered(a);
        assert_eq!(settled.take(), Some(place(8)));
    }
}
