//! Answers, and the headers that each of them has.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName,
    HeaderValue, REFERRER_POLICY, VARY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{Response, StatusCode};

use super::guard::Refusal;

/// What a client gets.
pub type Answer = Response<Full<Bytes>>;

/// What an answer consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Lines of text.
    Text,
    /// A JSON document.
    Json,
    /// A page, with the policy (CSP) that says what it may load and run.
    Page(&'static str),
    /// Metrics, in the format of this type.
    Metrics(&'static str),
}

impl Kind {
    const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; charset=utf-8",
            Self::Json => "application/json",
            Self::Page(_) => "text/html; charset=utf-8",
            Self::Metrics(content_type) => content_type,
        }
    }

    /// Where a browser may load something from. Nothing but a page loads or runs anything.
    const fn policy(self) -> &'static str {
        match self {
            Self::Page(policy) => policy,
            _ => "default-src 'none'; frame-ancestors 'none'; sandbox",
        }
    }
}

/// An answer of this kind. What is true now isn't in a minute, so nobody keeps it.
pub fn answer(status: StatusCode, kind: Kind, body: impl Into<Bytes>) -> Answer {
    let headers = [
        (CONTENT_TYPE, kind.content_type()),
        (CONTENT_SECURITY_POLICY, kind.policy()),
        (CACHE_CONTROL, "no-store"),
        (VARY, "Accept, Authorization"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    for (name, value) in headers {
        let headers = answer.headers_mut();
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// A line of text.
pub fn line(status: StatusCode, text: &str) -> Answer {
    answer(status, Kind::Text, format!("{text}\n"))
}

/// Why a request is refused.
pub fn refusal(refusal: &Refusal) -> Answer {
    refused(refusal, line(refusal.status, &refusal.why))
}

/// The answer to a request that is refused, with the headers that say so. Whoever does what nobody needs to do gets no
/// second one on the same connection.
pub fn refused(refusal: &Refusal, mut answer: Answer) -> Answer {
    let headers = answer.headers_mut();
    match refusal.status {
        StatusCode::UNAUTHORIZED => {
            let ways = HeaderValue::from_static("Basic realm=\"archiver\", charset=\"UTF-8\"");
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            headers.append(WWW_AUTHENTICATE, ways);
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        _ => {}
    }
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}
