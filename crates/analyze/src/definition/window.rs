//! Windows of time, half open, as Flink and Spark have them.

use std::time::Duration;

/// From a record's time to the windows that it is in. All in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// One behind the other, aligned to 1970, or so much later.
    Tumbling {
        /// How long each is.
        size: i64,
        /// By how much later than 1970 one begins.
        offset: i64,
    },
    /// One begins every so often; a record is in each that covers it.
    Sliding {
        /// How long each is.
        size: i64,
        /// How often one begins.
        every: i64,
        /// By how much later than 1970 one begins.
        offset: i64,
    },
    /// From the first record of a group to the last one, and the gap behind that: it goes on with a record that comes
    /// exactly the gap later.
    Session {
        /// How long nothing comes before it ends.
        gap: i64,
    },
}

impl Window {
    /// How long a window is and how far apart two begin, in milliseconds; `None` where that follows from the records.
    pub fn size_and_every(&self) -> Option<(i64, i64)> {
        match *self {
            Self::Tumbling { size, .. } => Some((size, size)),
            Self::Sliding { size, every, .. } => Some((size, every)),
            Self::Session { .. } => None,
        }
    }
}

/// A sliding window may overlap with so many others: each record is counted as often.
const OVERLAPS_MOST: i64 = 1_000;

impl Window {
    /// From what was typed.
    ///
    /// # Errors
    ///
    /// If a length is zero, or windows overlap too often.
    pub fn new(
        tumbling: Option<Duration>,
        sliding: Option<(Duration, Duration)>,
        session: Option<Duration>,
        offset: Duration,
    ) -> Result<Self, String> {
        let ms = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        let length = |duration| match ms(duration) {
            0 => Err("a window can't be shorter than a millisecond".to_owned()),
            ms => Ok(ms),
        };
        let offset = ms(offset);
        match (tumbling, sliding, session) {
            (Some(size), None, None) => Ok(Self::Tumbling {
                size: length(size)?,
                offset,
            }),
            (None, Some((size, every)), None) => {
                let (size, every) = (length(size)?, length(every)?);
                if size / every > OVERLAPS_MOST {
                    return Err(format!(
                        "each record would be in {} windows, more than {OVERLAPS_MOST}; let one begin less often",
                        size / every
                    ));
                }
                Ok(Self::Sliding {
                    size,
                    every,
                    offset,
                })
            }
            (None, None, Some(gap)) => Ok(Self::Session { gap: length(gap)? }),
            _ => Err("say one of tumbling, sliding and session".to_owned()),
        }
    }
}
