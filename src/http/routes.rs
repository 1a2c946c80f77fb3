//! The status page: which path is answered by what.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, HeaderMap};
use hyper::{Request, StatusCode};

use super::answer::{Answer, Kind, answer, line, refusal};
use super::cached::Cached;
use super::guard::Guard;
use super::kept::Reading;
use super::page::{self, POLICY};
use super::pulse::Pulse;
use super::ready::Ready;
use super::service::Service;
use super::source::Source;
use crate::config::Http;
use crate::observe::metrics::{self, Format};
use crate::observe::snapshot::{Detail, Snapshot};

/// What answers requests.
pub(super) struct Routes {
    guard: Guard,
    source: Source,
    pulse: Pulse,
    reading: Reading,
    /// All of the picture, for the pages of single archives.
    picture: Cached<Arc<Snapshot>>,
    page: Cached<Bytes>,
    /// Without and with rates; the same with partitions.
    status: [Cached<Bytes>; 4],
    /// Prometheus' text, OpenMetrics; the same with partitions.
    metrics: [Cached<Bytes>; 4],
    /// Text, JSON.
    ready: [Cached<Bytes>; 2],
    reload: Arc<Cached<Bytes>>,
}

impl Routes {
    pub fn new(http: Http, source: Source, pulse: Pulse) -> Self {
        Self {
            guard: Guard::new(http),
            source,
            pulse,
            reading: Reading::default(),
            picture: Cached::default(),
            page: Cached::default(),
            status: Default::default(),
            metrics: Default::default(),
            ready: Default::default(),
            reload: Arc::default(),
        }
    }

    async fn answer_known(&self, path: &str, request: &Request<Incoming>) -> Answer {
        match path {
            "/" => {
                let body = self
                    .page
                    .get(|| page::overview(&self.picture(true, false)).into());
                answer(StatusCode::OK, Kind::Page(POLICY), body)
            }
            "/metrics" => {
                self.metrics(request.headers(), request.uri().query().unwrap_or_default())
            }
            "/api/status" => self.status(request.uri().query().unwrap_or_default()),
            "/api/reload" => self.reload().await,
            _ => match path.strip_prefix("/archive/") {
                Some(name) => self.archive(name).await,
                None => line(
                    StatusCode::NOT_FOUND,
                    "nothing is here; there are /, /archive/NAME, /metrics, /healthz, /readyz, /api/status, /api/reload",
                ),
            },
        }
    }

    fn picture(&self, rates: bool, partitions: bool) -> Snapshot {
        (self.source.snapshot)(Detail { rates, partitions })
    }

    fn health(&self) -> Answer {
        match self.pulse.still() {
            None => line(StatusCode::OK, "ok"),
            Some(still) => {
                let still = still.as_secs();
                let why = format!("nothing has moved for {still} s; see docs/operating.md");
                line(StatusCode::SERVICE_UNAVAILABLE, &why)
            }
        }
    }

    fn ready(&self, headers: &HeaderMap, is_known: bool) -> Answer {
        // The first byte says which it is.
        let render = |is_json: bool| {
            let ready = Ready::of(self.picture(false, false));
            let mark = if ready.is_ready { "+" } else { "-" };
            let body = match is_json {
                true => serde_json::to_string(&ready).unwrap_or_default() + "\n",
                false => ready.text(),
            };
            Bytes::from(mark.to_owned() + &body)
        };
        let is_json = is_known && wants(headers, "application/json");
        let mut body = self.ready[usize::from(is_json)].get(|| render(is_json));
        let is_ready = body.first() == Some(&b'+');
        let body = match is_known {
            true => body.split_off(1),
            false => Bytes::from_static(Ready::short(is_ready).as_bytes()),
        };
        let status = match is_ready {
            true => StatusCode::OK,
            false => StatusCode::SERVICE_UNAVAILABLE,
        };
        answer(status, if is_json { Kind::Json } else { Kind::Text }, body)
    }

    /// The metrics; those of partitions are given where the query names them.
    fn metrics(&self, headers: &HeaderMap, query: &str) -> Answer {
        let partitions = names(query, "partitions");
        let format = match wants(headers, "application/openmetrics-text") {
            true => Format::OpenMetrics,
            false => Format::Prometheus,
        };
        let is_open = format == Format::OpenMetrics;
        let cached = &self.metrics[usize::from(is_open) + 2 * usize::from(partitions)];
        let body = cached.get(|| metrics::text(&self.picture(false, partitions), format).into());
        answer(StatusCode::OK, Kind::Metrics(format.content_type()), body)
    }

    /// The picture as JSON; `rates` and `partitions` are given where the query names them.
    fn status(&self, query: &str) -> Answer {
        let (rates, partitions) = (names(query, "rates"), names(query, "partitions"));
        let cached = &self.status[usize::from(rates) + 2 * usize::from(partitions)];
        let body = cached.get(|| {
            let picture = self.picture(rates, partitions);
            Bytes::from(serde_json::to_string(&picture).unwrap_or_default() + "\n")
        });
        answer(StatusCode::OK, Kind::Json, body)
    }

    /// What a reload would do.
    async fn reload(&self) -> Answer {
        let (reload, foresee) = (Arc::clone(&self.reload), Arc::clone(&self.source.reload));
        let body = tokio::task::spawn_blocking(move || reload.get(|| (foresee() + "\n").into()));
        match body.await {
            Ok(body) => answer(StatusCode::OK, Kind::Json, body),
            Err(_) => line(
                StatusCode::INTERNAL_SERVER_ERROR,
                "reading the configuration failed; the log says why",
            ),
        }
    }

    /// An archive's own page.
    async fn archive(&self, name: &str) -> Answer {
        let Some(config) = (self.source.archive)(name) else {
            return line(StatusCode::NOT_FOUND, "there is no archive of this name");
        };
        let picture = self.picture.get(|| Arc::new(self.picture(true, true)));
        let Some(archive) = picture.archives.iter().find(|one| one.name == name) else {
            return line(StatusCode::NOT_FOUND, "there is no archive of this name");
        };
        let kept = self.reading.read(config).await;
        let body = page::archive(&picture.process, archive, kept.as_ref());
        answer(StatusCode::OK, Kind::Page(POLICY), body)
    }
}

impl Service for Routes {
    async fn answer(&self, request: &Request<Incoming>) -> Answer {
        if let Err(why) = self.guard.check(request) {
            return refusal(&why);
        }
        let (path, headers) = (request.uri().path(), request.headers());
        let known = self.guard.check_token(headers);
        match path {
            // What only says whether all is well is for everybody: a probe may have no token.
            "/healthz" => self.health(),
            "/readyz" => self.ready(headers, known.is_ok()),
            _ => match known {
                Ok(()) => self.answer_known(path, request).await,
                Err(why) => refusal(&why),
            },
        }
    }

    fn answer_most(&self) -> Duration {
        Duration::ZERO
    }

    fn outlasts_client(&self) -> bool {
        true
    }
}

/// Is this word in the query?
fn names(query: &str, wanted: &str) -> bool {
    query.split('&').any(|word| word == wanted)
}

/// Does the client ask for this type? Only by its name: `*/*` is content with what others get.
fn wants(headers: &HeaderMap, wanted: &str) -> bool {
    let accepted = headers.get_all(ACCEPT).iter();
    let accepted = accepted.filter_map(|value| value.to_str().ok());
    let mut types = accepted.flat_map(|value| value.split(','));
    types.any(|one| {
        let name = one.split(';').next().unwrap_or_default();
        name.trim().eq_ignore_ascii_case(wanted)
    })
}
