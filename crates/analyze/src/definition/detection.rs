//! How anomalies are found: what is expected of a value, and how far from it one may be.

use serde::{Deserialize, Deserializer, de};

use super::length::Length;

/// A method, and how strict it is.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Detection {
    /// The method.
    pub method: Method,
    /// So many times the usual deviation is still usual.
    #[serde(default = "sigmas", deserialize_with = "positive")]
    pub sigmas: f64,
    /// `rolling-sigma`: what is expected of a value follows from so long a time before it.
    #[serde(default = "day")]
    pub history: Length,
    /// `seasonal`: after so long a time, values are alike again.
    #[serde(default = "day")]
    pub period: Length,
}

/// What is expected of a value, and what deviation is usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The mean of all values, and their standard deviation
    ThreeSigma,
    /// The mean of the values in a time before, and their standard deviation
    RollingSigma,
    /// The median of all values, and the median of the deviations from it
    Mad,
    /// What is usual at this time of the period, with the trend, and the median of the deviations from it
    Seasonal,
}

impl Detection {
    /// From what was typed; a day, where a length isn't.
    ///
    /// # Errors
    ///
    /// If a length is for another method.
    pub fn typed(
        method: Method,
        sigmas: Option<f64>,
        history: Option<Length>,
        period: Option<Length>,
    ) -> Result<Self, String> {
        let length = |name: &str, length: Option<Length>, of: Method| match length {
            Some(_) if method != of => Err(format!("{name} is for the method {}", of.name())),
            length => Ok(length.unwrap_or(Length::DAY)),
        };
        Ok(Self {
            method,
            sigmas: sigmas.unwrap_or(SIGMAS),
            history: length("history", history, Method::RollingSigma)?,
            period: length("period", period, Method::Seasonal)?,
        })
    }
}

/// A number of deviations, as it is typed.
///
/// # Errors
///
/// If it isn't a number more than 0.
pub fn parse_sigmas(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(sigmas) if sigmas > 0.0 && f64::is_finite(sigmas) => Ok(sigmas),
        _ => Err("must be a number more than 0".to_owned()),
    }
}

impl Method {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::ThreeSigma => "three-sigma",
            Self::RollingSigma => "rolling-sigma",
            Self::Mad => "mad",
            Self::Seasonal => "seasonal",
        }
    }
}

/// Three, as the name of the first method says.
pub const SIGMAS: f64 = 3.0;

fn sigmas() -> f64 {
    SIGMAS
}

fn day() -> Length {
    Length::DAY
}

fn positive<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let sigmas = f64::deserialize(from)?;
    if sigmas > 0.0 && sigmas.is_finite() {
        return Ok(sigmas);
    }
    Err(de::Error::custom(format!(
        "sigmas is {sigmas}, and must be more than 0"
    )))
}
