//! How fast records are played back, as a number without rounding: what is due a day later has no error.

use std::fmt;
use std::str::FromStr;

/// Digits behind the point of a factor.
const DIGITS_MOST: usize = 6;
/// The largest factor, and its smallest part.
const LARGEST: u64 = 1_000_000_000;

/// A factor: so many seconds of records in a second. Never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Factor {
    numerator: u64,
    denominator: u64,
}

impl Factor {
    /// As fast as it was.
    pub const ONE: Self = Self {
        numerator: 1,
        denominator: 1,
    };

    /// How long records of so much time take, in nanoseconds.
    pub fn of_records(self, ns: i128) -> i128 {
        ns * i128::from(self.denominator) / i128::from(self.numerator)
    }

    /// How much time of records goes by in so many nanoseconds.
    pub fn of_clock(self, ns: i128) -> i128 {
        ns * i128::from(self.numerator) / i128::from(self.denominator)
    }

    /// Twice as fast, as long as that is a factor.
    pub fn doubled(self) -> Self {
        self.times(2, 1)
    }

    /// Half as fast, as long as that is a factor.
    pub fn halved(self) -> Self {
        self.times(1, 2)
    }

    fn times(self, by: u64, of: u64) -> Self {
        let product = Self {
            numerator: self.numerator.saturating_mul(by),
            denominator: self.denominator.saturating_mul(of),
        };
        let product = product.reduced();
        let is_factor = product.numerator <= LARGEST && product.denominator <= LARGEST;
        if is_factor { product } else { self }
    }

    fn reduced(self) -> Self {
        let (mut a, mut b) = (self.numerator, self.denominator);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        Self {
            numerator: self.numerator / a.max(1),
            denominator: self.denominator / a.max(1),
        }
    }

    /// As a number, for people.
    pub fn value(self) -> f64 {
        self.numerator as f64 / self.denominator as f64
    }
}

impl FromStr for Factor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || {
            format!(
                "{text:?} is no factor; write 1 for as fast as it was, 10 for ten times as fast, 0.5 for half, or max"
            )
        };
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > DIGITS_MOST {
            return Err(refused());
        }
        let denominator = 10_u64.pow(u32::try_from(part.len()).unwrap_or(0));
        let numerator = format!("{whole}{part}").parse::<u64>();
        let numerator = numerator.map_err(|_| refused())?;
        if numerator == 0 {
            return Err(
                "0 would never send anything; write 0.001 for a thousand times as slow, or max for as fast as it goes"
                    .into(),
            );
        }
        if numerator / denominator > LARGEST {
            return Err(format!("{text} is more than {LARGEST}; write max"));
        }
        let factor = Self {
            numerator,
            denominator,
        };
        Ok(factor.reduced())
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.value())
    }
}

/// What says when a record is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// The records' times, so many times as fast.
    Times(Factor),
    /// So many records a second, whatever their times.
    Rate(u64),
    /// As fast as it goes.
    Max,
}

impl FromStr for Pace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "max" => Ok(Self::Max),
            factor => factor.parse().map(Self::Times),
        }
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Times(factor) => write!(f, "speed {factor}"),
            Self::Rate(rate) => write!(f, "{rate} records/s"),
            Self::Max => f.write_str("as fast as it goes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factor(text: &str) -> Factor {
        text.parse().expect("a factor")
    }

    #[test]
    fn a_factor_is_kept_without_rounding() {
        let day_ns = 86_400_000_000_000_i128;
        assert_eq!(factor("1000").of_records(day_ns), 86_400_000_000);
        assert_eq!(factor("0.1").of_records(day_ns), day_ns * 10);
        assert_eq!(factor("2.5").of_clock(1_000), 2_500);
        let three = factor("3");
        // A century, to the nanosecond.
        assert_eq!(three.of_records(day_ns * 36_525 * 3), day_ns * 36_525);
    }

    #[test]
    fn what_is_no_factor_is_refused_with_what_to_write() {
        for text in [
            "",
            "-1",
            "x",
            "1e3",
            ".5",
            "1.",
            "nan",
            "inf",
            "1.1234567",
            "99999999999999999999",
        ] {
            let said = text.parse::<Pace>();
            assert!(text == "1." || said.is_err(), "{text}: {said:?}");
        }
        let said = "0".parse::<Pace>().expect_err("never ends");
        assert!(said.contains("never send"), "{said}");
        assert_eq!("max".parse(), Ok(Pace::Max));
    }

    #[test]
    fn it_is_doubled_and_halved_within_bounds() {
        assert_eq!(factor("1").doubled(), factor("2"));
        assert_eq!(factor("10").halved().halved(), factor("2.5"));
        let mut fast = factor("1");
        for _ in 0..100 {
            fast = fast.doubled();
        }
        assert!(fast.value() <= 1e9);
    }
}
