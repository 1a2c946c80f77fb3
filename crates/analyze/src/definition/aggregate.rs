//! What is measured of the values in a window.

use std::fmt;
use std::str::FromStr;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Aggregate {
    /// How many values there are, without nulls.
    Count,
    /// Their sum.
    Sum,
    /// Their arithmetic mean.
    Mean,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The sample standard deviation.
    Stddev,
    /// An exact percentile, between two values where it lies there.
    Percentile(u8),
}

impl FromStr for Aggregate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let percentile = text
            .strip_prefix('p')
            .and_then(|digits| digits.parse().ok());
        Ok(match text {
            "count" => Self::Count,
            "sum" => Self::Sum,
            "mean" => Self::Mean,
            "min" => Self::Min,
            "max" => Self::Max,
            "stddev" => Self::Stddev,
            _ => match percentile {
                Some(percent @ 0..=100) => Self::Percentile(percent),
                _ => {
                    return Err(format!(
                        "{text:?} is none of count, sum, mean, min, max, stddev and p0 to p100"
                    ));
                }
            },
        })
    }
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count => f.write_str("count"),
            Self::Sum => f.write_str("sum"),
            Self::Mean => f.write_str("mean"),
            Self::Min => f.write_str("min"),
            Self::Max => f.write_str("max"),
            Self::Stddev => f.write_str("stddev"),
            Self::Percentile(percent) => write!(f, "p{percent}"),
        }
    }
}
