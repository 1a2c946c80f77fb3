//! From the rows of a source to a model.

use anyhow::{Context, bail};
use archiver::world::clock::rfc3339;

use super::file::{LearnedFrom, Model};
use super::learned::{Group, Learned, Method};
use super::question::Question;
use super::rows::{Groups, Rows, named};
use crate::caret::explained;
use crate::engine::{Engine, ONLY};

/// So many groups are learned at most: more of them are told apart by something that isn't the same for long.
const GROUPS_MOST: usize = 10_000;

/// What is to be learned.
#[derive(Debug, Clone)]
pub struct Training {
    /// The source, as it was named.
    pub source: String,
    /// From which rows.
    pub question: Question,
    /// How.
    pub method: Method,
    /// How many clusters are looked for.
    pub clusters: usize,
    /// By which seed chance goes.
    pub seed: u64,
    /// Timestamps from which on records were asked for, and before which, in milliseconds since 1970.
    pub range_ms: (Option<i64>, Option<i64>),
}

impl Training {
    /// Learns from the only source of an engine. Returns beside the model what must be said of it.
    ///
    /// # Errors
    ///
    /// If the source can't be read, has no such fields, or there is nothing to learn from.
    pub async fn run(self, engine: &Engine) -> anyhow::Result<(Model, Vec<String>)> {
        self.method.check_label(self.question.label.as_deref())?;
        let query = self.question.query(engine.only()?.columns(), ONLY)?;
        let explain = |error| explained(&error, &query, engine);
        let asked = Groups::ask(engine, &self.question, &query).await;
        let mut asked = asked.map_err(explain)?;
        let (mut groups, mut left_out, mut empty) = (Vec::new(), 0, 0_u64);
        let mut range_ms: Option<(i64, i64)> = None;
        while let Some(rows) = asked.next().await.map_err(explain)? {
            left_out += rows.left_out;
            if rows.features.is_empty() {
                empty += 1;
                continue;
            }
            if groups.len() == GROUPS_MOST {
                bail!(
                    "there are more than {GROUPS_MOST} groups of {}; name fewer fields with --by",
                    self.question.by.join(", ")
                );
            }
            range_ms = match (range_ms, rows.range_ms) {
                (Some(one), Some(other)) => Some((one.0.min(other.0), one.1.max(other.1))),
                (one, other) => one.or(other),
            };
            groups.push(self.learned(rows).await?);
        }
        if groups.is_empty() {
            bail!(match left_out {
                0 => "there is no row to learn from; look at --filter, --since and --until"
                    .to_owned(),
                left_out => format!(
                    "there is no row to learn from: of {left_out}, {} is missing or no number",
                    self.what_is_needed()
                ),
            });
        }
        let notes = self.notes(&groups, left_out, empty);
        Ok((self.model(engine, groups, left_out, range_ms), notes))
    }

    /// What is learned of a group, on a thread for what takes long.
    async fn learned(&self, rows: Rows) -> anyhow::Result<Group> {
        let features = self.question.features.len();
        let (method, clusters, seed) = (self.method, self.clusters, self.seed);
        let named = format!(
            "learning from the group {}",
            named(&self.question.by, &rows.key)
        );
        let learn = move || Group::learn(rows, features, method, clusters, seed);
        let learned = tokio::task::spawn_blocking(learn).await;
        learned.context("learning")?.context(named)
    }

    fn what_is_needed(&self) -> &'static str {
        match self.question.label {
            Some(_) => "a feature or the label (0 or 1)",
            None => "a feature",
        }
    }

    fn notes(&self, groups: &[Group], left_out: u64, empty: u64) -> Vec<String> {
        let mut notes = Vec::new();
        if left_out > 0 {
            notes.push(format!(
                "{left_out} rows were left out: {} is missing or no number",
                self.what_is_needed()
            ));
        }
        if empty > 0 {
            notes.push(format!(
                "{empty} groups have no other rows, and are not in the model"
            ));
        }
        let fewer = groups.iter().filter(|group| match &group.learned {
            Learned::KMeans(fitted) => fitted.centres.len() < self.clusters,
            _ => false,
        });
        let fewer = fewer.count();
        if fewer > 0 {
            notes.push(format!(
                "{fewer} groups have fewer clusters, as they have fewer different rows"
            ));
        }
        let usual = groups.iter().filter(|group| match &group.learned {
            Learned::RandomForest(grown) => grown.anomalous == 0,
            _ => false,
        });
        let usual = usual.count();
        if usual > 0 {
            notes.push(format!(
                "{usual} groups have no row with the label 1, so nothing will be anomalous in them"
            ));
        }
        notes
    }

    fn model(
        self,
        engine: &Engine,
        groups: Vec<Group>,
        left_out: u64,
        range_ms: Option<(i64, i64)>,
    ) -> Model {
        let learned_from = LearnedFrom {
            source: self.source,
            archive_sha256: engine.digest().map(str::to_owned),
            since: self.range_ms.0.map(rfc3339),
            until: self.range_ms.1.map(rfc3339),
            first: range_ms.map(|(first, _)| rfc3339(first)),
            last: range_ms.map(|(_, last)| rfc3339(last)),
            rows: groups.iter().map(|group| group.rows).sum(),
            left_out,
        };
        let clusters = (self.method == Method::KMeans).then_some(self.clusters);
        Model::new(
            self.method,
            clusters,
            self.seed,
            self.question,
            learned_from,
            groups,
        )
    }
}
