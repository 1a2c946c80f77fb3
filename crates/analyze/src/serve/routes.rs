//! Which path is answered by what, to whom.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use archiver::config::Http;
use archiver::http::Service;
use archiver::http::answer::{Answer, Kind, answer, refused};
use archiver::http::guard::{Guard, Refusal};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::{Request, StatusCode};
use serde::Serialize;
use tokio::runtime::Handle;

use super::analyses::Analyses;
use super::answers::{
    anomalies, archives, models, points, predict, results, schema, scores, sql, windows,
};
use super::catalog::Catalog;
use super::limits::Limits;
use super::models::Models;
use super::opening::Opening;
use super::page::{POLICY, Page};
use super::parameters::Parameters;
use super::problem::Problem;
use super::question::{DEFINED, JUDGED, Prediction, Question, rows, selection};
use super::turns::Turns;
use crate::engine::Settings;
use crate::model::file::Model;

/// So many questions are answered at once.
const AT_ONCE: usize = 2;
/// So long a question waits for its turn.
const WAIT_MOST: Duration = Duration::from_secs(10);
/// What only looks at files is answered within this.
const LOOKING_MOST: Duration = Duration::from_secs(10);
const OPENAPI: &str = include_str!("openapi.json");

/// A path of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// What can be asked.
    Archives,
    /// The columns of an archive.
    Schema,
    /// What is measured by windows.
    Windows,
    /// What is outside of what is usual.
    Anomalies,
    /// What is drawn.
    Points,
    /// What models there are.
    Models,
    /// What a model says.
    Predict,
    /// How far off records are by a model, drawn.
    Scores,
    /// The analyses of the file.
    Results,
    /// A query.
    Sql,
    /// What describes all of these.
    OpenApi,
}

impl Route {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Archives,
        Self::Schema,
        Self::Windows,
        Self::Anomalies,
        Self::Points,
        Self::Models,
        Self::Predict,
        Self::Scores,
        Self::Results,
        Self::Sql,
        Self::OpenApi,
    ];

    /// Where it is.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Archives => "/api/v1/archives",
            Self::Schema => "/api/v1/schema",
            Self::Windows => "/api/v1/windows",
            Self::Anomalies => "/api/v1/anomalies",
            Self::Points => "/api/v1/points",
            Self::Models => "/api/v1/models",
            Self::Predict => "/api/v1/predict",
            Self::Scores => "/api/v1/scores",
            Self::Results => "/api/v1/results",
            Self::Sql => "/api/v1/sql",
            Self::OpenApi => "/api/v1/openapi.json",
        }
    }

    /// Which parameters it takes.
    pub fn parameters(self) -> Vec<&'static str> {
        let own: &[&[&str]] = match self {
            Self::Archives | Self::Models | Self::Results | Self::OpenApi => &[],
            Self::Schema => &[&["source"]],
            Self::Windows => &[&DEFINED, &["analysis", "only", "since", "until", "limit"]],
            Self::Anomalies => &[
                &DEFINED,
                &JUDGED,
                &["analysis", "only", "since", "until", "limit"],
            ],
            Self::Points => &[
                &DEFINED,
                &JUDGED,
                &["analysis", "only", "since", "until", "from", "to", "series"],
            ],
            Self::Predict => &[&[
                "source",
                "model",
                "only",
                "filter",
                "anomalies",
                "since",
                "until",
                "limit",
            ]],
            Self::Scores => &[&[
                "source", "model", "only", "filter", "since", "until", "series",
            ]],
            Self::Sql => &[&["query", "since", "until", "limit"]],
        };
        own.concat()
    }

    fn of(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|route| route.path() == path)
    }
}

/// What answers are made of.
struct Sources {
    opening: Opening,
    analyses: Analyses,
    models: Models,
    limits: Limits,
}

/// What answers requests.
pub struct Routes {
    guard: Guard,
    page: Page,
    sources: Arc<Sources>,
    /// Of what reads records.
    questions: Turns,
    /// Of what looks at files.
    looks: Turns,
}

impl Routes {
    /// Answers what is asked of these archives, to whom `http` lets in. Must be called within the runtime that answers.
    ///
    /// # Errors
    ///
    /// If something that was named isn't there, or the engine can't be started.
    pub fn new(
        http: Http,
        catalog: Catalog,
        (analyses, models): (Analyses, Models),
        (settings, limits): (Settings, Limits),
    ) -> anyhow::Result<Self> {
        // What is named wrongly ends the start.
        catalog.all()?;
        models.all()?;
        let runtime = Handle::current();
        Ok(Self {
            guard: Guard::new(http),
            page: Page::new(&limits, &analyses, &models)?,
            sources: Arc::new(Sources {
                opening: Opening::new(catalog, settings)?,
                analyses,
                models,
                limits,
            }),
            questions: Turns::new(AT_ONCE, (WAIT_MOST, limits.timeout), runtime.clone()),
            looks: Turns::new(1, (WAIT_MOST, LOOKING_MOST), runtime),
        })
    }

    /// What a path of the API answers to this query string.
    ///
    /// # Errors
    ///
    /// Why it isn't answered.
    pub(super) async fn route(&self, route: Route, query: &str) -> Result<Answer, Problem> {
        let parameters = Parameters::parse(query, &route.parameters())?;
        let (sources, limits) = (Arc::clone(&self.sources), self.sources.limits);
        match route {
            Route::OpenApi => Ok(answer(StatusCode::OK, Kind::Json, OPENAPI)),
            Route::Archives => {
                let look = move || json(&archives::answer(&sources.opening.catalog)?);
                self.looks.look(look).await
            }
            Route::Results => {
                let look = move || {
                    json(&results::answer(
                        &sources.analyses,
                        &sources.opening.catalog,
                    )?)
                };
                self.looks.look(look).await
            }
            Route::Models => {
                let look = move || json(&models::answer(&sources.models)?);
                self.looks.look(look).await
            }
            Route::Predict => {
                let most = rows(&parameters, &limits)?;
                self.judge(parameters, move |sources, asked| async move {
                    json(&predict::answer(&sources.opening, asked, most).await?)
                })
                .await
            }
            Route::Scores => {
                let most = points::series_most(&parameters)?;
                self.judge(parameters, move |sources, asked| async move {
                    json(&scores::answer(&sources.opening, asked, most).await?)
                })
                .await
            }
            Route::Schema => {
                let source = parameters.needed("source")?.to_owned();
                let question =
                    async move { json(&schema::answer(&sources.opening, source).await?) };
                self.questions.answer(question).await
            }
            Route::Sql => self.sql(&parameters).await,
            Route::Windows => {
                let most = rows(&parameters, &limits)?;
                self.ask(parameters, move |sources, asked| async move {
                    json(&windows::answer(&sources.opening, asked, most).await?)
                })
                .await
            }
            Route::Anomalies => {
                let most = rows(&parameters, &limits)?;
                self.ask(parameters, move |sources, asked| async move {
                    json(&anomalies::answer(&sources.opening, asked, most).await?)
                })
                .await
            }
            Route::Points => {
                let wanted = points::Wanted::read(&parameters)?;
                self.ask(parameters, move |sources, asked| async move {
                    json(&points::answer(&sources.opening, asked, wanted).await?)
                })
                .await
            }
        }
    }

    /// Answers the question that these parameters ask.
    async fn ask<A>(
        &self,
        parameters: Parameters,
        answer: impl FnOnce(Arc<Sources>, Question) -> A + Send + 'static,
    ) -> Result<Answer, Problem>
    where
        A: Future<Output = Result<Answer, Problem>> + Send + 'static,
    {
        let sources = Arc::clone(&self.sources);
        self.questions
            .answer(async move {
                let defined = (&sources.analyses, &sources.opening.catalog);
                let asked = Question::read(&parameters, defined, &sources.limits)?;
                answer(sources, asked).await
            })
            .await
    }

    /// Answers what these parameters ask of a model.
    async fn judge<A>(
        &self,
        parameters: Parameters,
        answer: impl FnOnce(Arc<Sources>, (Prediction, Model)) -> A + Send + 'static,
    ) -> Result<Answer, Problem>
    where
        A: Future<Output = Result<Answer, Problem>> + Send + 'static,
    {
        let sources = Arc::clone(&self.sources);
        self.questions
            .answer(async move {
                let asked = Prediction::read(&parameters, &sources.limits)?;
                let model = sources.models.named(&asked.model)?;
                answer(sources, (asked, model)).await
            })
            .await
    }

    async fn sql(&self, parameters: &Parameters) -> Result<Answer, Problem> {
        let (sources, limits) = (Arc::clone(&self.sources), self.sources.limits);
        if !limits.allows_sql {
            return Err(Problem::forbidden(
                "no SQL is taken from outside here; --allow-sql would allow it",
            ));
        }
        parameters.needed("query")?;
        let query = parameters.sql("query")?.unwrap_or_default().to_owned();
        let (selection, most) = (selection(parameters)?, rows(parameters, &limits)?);
        self.questions
            .answer(async move {
                json(&sql::answer(&sources.opening, &query, &selection, most).await?)
            })
            .await
    }
}

impl Service for Routes {
    async fn answer(&self, request: &Request<Incoming>) -> Answer {
        let let_in = self.guard.check(request);
        let let_in = let_in.and_then(|()| self.guard.check_token(request.headers()));
        if let Err(why) = let_in {
            return refusal(&why);
        }
        let (path, query) = (request.uri().path(), request.uri().query());
        if path == "/" {
            return answer(StatusCode::OK, Kind::Page(&POLICY), self.page.html());
        }
        let answered = match Route::of(path) {
            Some(_) if is_of_another_site(request.headers()) => Err(Problem::forbidden(
                "a page of another site asks; open it by its own address",
            )),
            Some(route) => self.route(route, query.unwrap_or_default()).await,
            None => Err(nothing()),
        };
        answered.unwrap_or_else(|problem| error(problem.status, &problem.why))
    }

    fn answer_most(&self) -> Duration {
        WAIT_MOST + self.sources.limits.timeout.max(LOOKING_MOST)
    }

    fn outlasts_client(&self) -> bool {
        false
    }
}

/// A browser says which site's page asks. What another one's asks is lost work: that page can't read the answer.
fn is_of_another_site(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    site.is_some_and(|site| site == "cross-site")
}

fn nothing() -> Problem {
    let paths = Route::ALL.map(Route::path).join(", ");
    Problem::unknown(format!("nothing is here; there are /, {paths}"))
}

fn json(of: &impl Serialize) -> Result<Answer, Problem> {
    let body = serde_json::to_vec(of);
    let body = body.map_err(|error| Problem::failed(format!("writing the answer: {error}")))?;
    Ok(answer(StatusCode::OK, Kind::Json, body))
}

fn refusal(why: &Refusal) -> Answer {
    refused(why, error(why.status, &why.why))
}

fn error(status: StatusCode, why: &str) -> Answer {
    let body = serde_json::json!({ "error": why });
    answer(status, Kind::Json, body.to_string())
}
