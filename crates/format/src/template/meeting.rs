//! Whether two templates could give one path.
//!
//! What a template gives is described by a small automaton: typed characters as they are, numbers as any digits, names of
//! months and days as any letters. It takes each path of the template, and some more, so that what it doesn't take two
//! templates never have in common.

use std::collections::BTreeSet;
use std::path::Path;

use super::shape::{Part, parts};
use super::times::UNKNOWN;
use super::{Piece, Shown, Template};
use crate::segment::GROWING;

/// The paths that a template may give.
#[derive(Debug)]
pub struct Paths {
    fixed: String,
    states: Vec<Vec<Step>>,
    /// The states in which a path may end.
    ends: BTreeSet<usize>,
}

/// A step to another state: over a character, or over nothing.
type Step = (Option<Part>, usize);

impl Template {
    /// The paths that it may give once topic and name are filled in, with this in the place of [`Template::fixed_directory`].
    pub fn paths(&self, directory: &Path) -> Paths {
        let text = self.fixed_text();
        let within = text.rfind('/').map_or(0, |slash| slash + 1);
        let mut directory = directory.to_string_lossy().into_owned();
        if !directory.ends_with('/') {
            directory.push('/');
        }
        let fixed = directory + &text[within..];
        let mut paths = Paths {
            states: vec![Vec::new()],
            ends: BTreeSet::new(),
            fixed,
        };
        let is_fixed = |piece: &&Piece| matches!(piece, Piece::Text(_));
        let mut at = paths.text(0, &paths.fixed.clone());
        for piece in self.pieces.iter().skip_while(is_fixed) {
            at = paths.piece(at, piece);
        }
        paths.ends.insert(at);
        if self.has_sequence() {
            let growing = paths.text(at, GROWING);
            paths.ends.insert(growing);
        }
        paths
    }
}

impl Paths {
    /// What all of them begin with. Where neither of two begins with the other, they never meet.
    pub fn fixed(&self) -> &str {
        &self.fixed
    }

    /// May a path be both's, or be a directory in one of the other's?
    pub fn may_meet(&self, other: &Self) -> bool {
        let (one, two) = (&self.fixed, &other.fixed);
        if !one.starts_with(two.as_str()) && !two.starts_with(one.as_str()) {
            return false;
        }
        // Up to there each character has led to the next state.
        let common = one.chars().count().min(two.chars().count());
        let mut seen = BTreeSet::from([(common, common)]);
        let mut left = vec![(common, common)];
        while let Some((here, there)) = left.pop() {
            let ends = (self.ends.contains(&here), other.ends.contains(&there));
            let is_directory = |steps: &[Step]| {
                let mut steps = steps.iter();
                steps.any(|(part, _)| *part == Some(Part::Char('/')))
            };
            match ends {
                (true, true) => return true,
                (true, false) if is_directory(&other.states[there]) => return true,
                (false, true) if is_directory(&self.states[here]) => return true,
                _ => {}
            }
            let mut go = |to| {
                if seen.insert(to) {
                    left.push(to);
                }
            };
            for (part, next) in &self.states[here] {
                match part {
                    None => go((*next, there)),
                    Some(part) => {
                        for (other, after) in &other.states[there] {
                            if other.as_ref().is_some_and(|other| part.may_be(other)) {
                                go((*next, *after));
                            }
                        }
                    }
                }
            }
            for (part, after) in &other.states[there] {
                if part.is_none() {
                    go((here, *after));
                }
            }
        }
        false
    }

    /// Adds a step from a state to a new one.
    fn step(&mut self, from: usize, part: Option<Part>) -> usize {
        self.states.push(Vec::new());
        let to = self.states.len() - 1;
        self.states[from].push((part, to));
        to
    }

    fn text(&mut self, from: usize, text: &str) -> usize {
        text.chars()
            .fold(from, |at, char| self.step(at, Some(Part::Char(char))))
    }

    /// At least so many of them.
    fn many(&mut self, from: usize, part: Part, at_least: usize) -> usize {
        let last = (0..at_least).fold(from, |at, _| self.step(at, Some(part)));
        self.states[last].push((Some(part), last));
        // What comes next doesn't lead back here.
        self.step(last, None)
    }

    fn piece(&mut self, from: usize, piece: &Piece) -> usize {
        match piece {
            Piece::Text(text) => self.text(from, text),
            Piece::Sequence(digits) => self.many(from, Part::Digits, *digits),
            Piece::Partition => {
                let number = self.many(from, Part::Digits, 1);
                self.or_text(from, number, "all")
            }
            Piece::Opened(format) | Piece::Time(format) => {
                let time = parts(format.as_str())
                    .into_iter()
                    .fold(from, |at, part| match part {
                        Part::Digits | Part::Letters => self.many(at, part, 1),
                        Part::Char(_) | Part::Sign => self.step(at, Some(part)),
                    });
                self.or_text(from, time, UNKNOWN)
            }
            Piece::Topic | Piece::Name => self.text(from, &Shown(piece).to_string()),
        }
    }

    /// The same end by this text, too.
    fn or_text(&mut self, from: usize, end: usize, text: &str) -> usize {
        let after = self.text(from, text);
        self.states[after].push((None, end));
        end
    }
}

impl Part {
    /// May a character be both?
    fn may_be(self, other: &Self) -> bool {
        let takes = |part: Self, char: char| match part {
            Self::Char(one) => one == char,
            Self::Digits => char.is_ascii_digit(),
            Self::Letters => char.is_alphabetic(),
            Self::Sign => matches!(char, '+' | '-'),
        };
        match (self, *other) {
            (Self::Char(char), part) | (part, Self::Char(char)) => takes(part, char),
            (one, other) => one == other,
        }
    }
}
