//! The place of a replay: how far it was sent. It goes on there.
//!
//! In one line, as it is kept in a file or beside an offset in Kafka: `1 RUN ROUND SENT SHIFT SINCE UNTIL COUNT… INPUT@EXTENT…`;
//! equal counts that follow each other are `COUNT*TIMES`, as there may be hundreds of inputs that have not begun, or are over.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The form of the line.
const FORMAT: &str = "1";

/// How far a replay was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Which replay it is: what its inputs and flags come to. Another one can't go on here.
    pub run: String,
    /// So many rounds are over (`--loop`).
    pub round: u32,
    /// So many records were sent, in all rounds.
    pub sent: u64,
    /// So much is added to the times of this round's records, in milliseconds (`--timestamps shift`).
    pub shift_ms: Option<i64>,
    /// Only records of this time or later count, in milliseconds since 1970: what `-5m` was when it began.
    pub since_ms: Option<i64>,
    /// Only records before this time.
    pub until_ms: Option<i64>,
    /// So many records of each input were read in this round.
    pub counts: Vec<u64>,
    /// How much there was of inputs that grow, by their numbers, as [`super::Input::extent`] said.
    pub extents: BTreeMap<usize, String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            run, round, sent, ..
        } = self;
        write!(f, "{FORMAT} {run} {round} {sent}")?;
        for ms in [self.shift_ms, self.since_ms, self.until_ms] {
            match ms {
                Some(ms) => write!(f, " {ms}")?,
                None => f.write_str(" -")?,
            }
        }
        for equal in self.counts.chunk_by(|a, b| a == b) {
            match equal {
                [count] => write!(f, " {count}")?,
                equal => write!(f, " {}*{}", equal[0], equal.len())?,
            }
        }
        for (input, extent) in &self.extents {
            write!(f, " {input}@{}", extent.replace(' ', ","))?;
        }
        Ok(())
    }
}

/// Why a line is no place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAPlace {
    /// It is in a form of a later archiver.
    #[error("it was written by a later archiver, in form {0}")]
    Later(String),
    /// It is none.
    #[error("it is not the place of a replay")]
    Other,
}

impl FromStr for Place {
    type Err = NotAPlace;

    fn from_str(line: &str) -> Result<Self, NotAPlace> {
        let mut words = line.split(' ');
        let format = words.next().unwrap_or_default();
        if format != FORMAT {
            return Err(match format.parse::<u32>() {
                Ok(_) => NotAPlace::Later(format.to_owned()),
                Err(_) => NotAPlace::Other,
            });
        }
        let mut word = || words.next().ok_or(NotAPlace::Other);
        let mut place = Self {
            run: word()?.to_owned(),
            round: number(word()?)?,
            sent: number(word()?)?,
            shift_ms: known(word()?)?,
            since_ms: known(word()?)?,
            until_ms: known(word()?)?,
            counts: Vec::new(),
            extents: BTreeMap::new(),
        };
        for word in words {
            if let Some((input, extent)) = word.split_once('@') {
                let extent = extent.replace(',', " ");
                place.extents.insert(number(input)?, extent);
                continue;
            }
            let (count, times) = word.split_once('*').unwrap_or((word, "1"));
            let times = number::<u32>(times)?;
            if times > INPUTS_MOST {
                return Err(NotAPlace::Other);
            }
            let count = number::<u64>(count)?;
            place.counts.extend((0..times).map(|_| count));
        }
        Ok(place)
    }
}

/// More inputs than anybody has.
const INPUTS_MOST: u32 = 1 << 20;

/// A number, or - for none.
fn known(word: &str) -> Result<Option<i64>, NotAPlace> {
    match word {
        "-" => Ok(None),
        word => number(word).map(Some),
    }
}

fn number<T: FromStr>(word: &str) -> Result<T, NotAPlace> {
    word.parse().map_err(|_| NotAPlace::Other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        let place = |counts: &[u64], shift_ms| Place {
            run: "7f3a".into(),
            round: 2,
            sent: 12_345,
            shift_ms,
            counts: counts.to_vec(),
            ..Place::default()
        };
        let since = Place {
            since_ms: Some(1_000),
            ..place(&[7], Some(0))
        };
        let growing = Place {
            extents: BTreeMap::from([(1, "12 45 10:7".to_owned())]),
            ..place(&[1, 2], None)
        };
        for (place, line) in [
            (place(&[7], None), "1 7f3a 2 12345 - - - 7"),
            (since, "1 7f3a 2 12345 0 1000 - 7"),
            (
                place(&[7, 0, 0, 0], Some(-5)),
                "1 7f3a 2 12345 -5 - - 7 0*3",
            ),
            (place(&[], None), "1 7f3a 2 12345 - - -"),
            (growing, "1 7f3a 2 12345 - - - 1 2 1@12,45,10:7"),
        ] {
            assert_eq!(place.to_string(), line);
            assert_eq!(line.parse(), Ok(place));
        }
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for line in [
            "",
            "x",
            "1",
            "1 a 2",
            "1 a 2 3 x",
            "1 a 2 3 - -",
            "1 a 2 3 - - - x",
            "1 a 2 3 - - - 5*99999999",
        ] {
            assert_eq!(line.parse::<Place>(), Err(NotAPlace::Other), "{line}");
        }
        let later = "2 whatever".parse::<Place>();
        assert_eq!(later, Err(NotAPlace::Later("2".into())));
    }
}
