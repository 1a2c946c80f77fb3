//! Why a request isn't answered: a status, and a reason.

use archiver::cli::UsageError;
use hyper::StatusCode;

use crate::caret::{Explained, Why};
use crate::files::csv_parquet::WithoutTimes;
use crate::plain::chained;
use crate::plot::collector::TooManyGroups;

/// Why a request isn't answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The answer's status.
    pub status: StatusCode,
    /// What is wrong, and what can be done.
    pub why: String,
}

impl Problem {
    /// What is asked makes no sense, or not of these records.
    pub fn wrong(why: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, why)
    }

    /// Nobody may ask for that here.
    pub fn forbidden(why: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, why)
    }

    /// There is no such thing.
    pub fn unknown(why: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, why)
    }

    /// It can't be answered now.
    pub fn busy(why: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, why)
    }

    /// It has taken too long.
    pub fn late(why: impl Into<String>) -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, why)
    }

    /// Something can't be read, or went wrong.
    pub fn failed(why: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, why)
    }

    fn new(status: StatusCode, why: impl Into<String>) -> Self {
        let why = why.into();
        Self { status, why }
    }
}

impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Self {
        let why = chained(&error);
        let explained = error.downcast_ref::<Explained>();
        match explained.map(|explained| explained.why) {
            Some(Why::Query) => Self::wrong(why),
            Some(Why::Memory) => Self::busy(why),
            Some(Why::Reading) => Self::failed(why),
            None if is_asked_wrong(&error) => Self::wrong(why),
            None => Self::failed(why),
        }
    }
}

fn is_asked_wrong(error: &anyhow::Error) -> bool {
    error.is::<UsageError>() || error.is::<TooManyGroups>() || error.is::<WithoutTimes>()
}
