//! Verdicts on batches of rows: from the values by which rows are told apart, and features, to what a model says.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanBuilder, Float64Array, Float64Builder, Int32Builder,
    RecordBatch, StringArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;

use super::file::Model;
use super::rows::{is_usable, named};
use super::threshold::Verdict;

/// So many groups that the model doesn't know are remembered.
const UNKNOWN_MOST: usize = 1_000;
/// So many of them are named.
const NAMED_MOST: usize = 3;

/// What could not be judged.
#[derive(Debug, Default)]
pub struct Unjudged {
    /// Rows of which a feature is missing or no number.
    unusable: AtomicU64,
    /// Rows of groups that the model doesn't know.
    unknown: AtomicU64,
    /// Some of these groups, as they are named.
    groups: Mutex<BTreeSet<String>>,
}

impl Unjudged {
    /// What is said of it, a line each.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let unusable = self.unusable.load(Ordering::Relaxed);
        if unusable > 0 {
            notes.push(format!(
                "{unusable} rows were not judged: a feature is missing or no number"
            ));
        }
        let unknown = self.unknown.load(Ordering::Relaxed);
        if unknown > 0 {
            let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
            let named = groups.iter().take(NAMED_MOST).map(|group| &group[..]);
            let named = named.collect::<Vec<_>>().join("; ");
            let more = match groups.len() {
                count if count >= UNKNOWN_MOST => {
                    format!(" and at least {} others", count - NAMED_MOST)
                }
                count if count > NAMED_MOST => format!(" and {} others", count - NAMED_MOST),
                _ => String::new(),
            };
            notes.push(format!(
                "{unknown} rows were not judged: the model doesn't know the groups {named}{more}; train it again with them"
            ));
        }
        notes
    }

    fn note_unknown(&self, by: &[String], key: &[Option<String>]) {
        self.unknown.fetch_add(1, Ordering::Relaxed);
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        if groups.len() < UNKNOWN_MOST {
            groups.insert(named(by, key));
        }
    }
}

/// Columns of a place and a time, before those of groups and features.
const PLACES: [&str; 4] = ["topic", "partition", "offset", "time"];

/// Judges rows of a question: adds to its columns, which get the names of fields, `cluster`, `distance`, `score` and `is_anomaly`,
/// each null where a row can't be judged.
#[derive(Debug)]
pub struct Judge {
    model: Arc<Model>,
    /// Where in the model each group is, by [`written`].
    places: HashMap<String, usize>,
    unjudged: Arc<Unjudged>,
    schema: SchemaRef,
}

impl Judge {
    /// Judges rows with these columns by a model; what can't be judged is counted there.
    pub fn new(model: Arc<Model>, rows: &Schema, unjudged: Arc<Unjudged>) -> Self {
        let groups = model.groups.iter().enumerate();
        let places = groups.map(|(number, group)| {
            let mut text = String::new();
            let values = group.by.iter().map(Option::as_deref);
            written(values, &mut text);
            (text, number)
        });
        let places = places.collect();
        let names = model.question.by.iter().chain(&model.question.features);
        let names = PLACES.into_iter().chain(names.map(|name| &name[..]));
        let columns = names.zip(rows.fields());
        let columns =
            columns.map(|(name, field)| Field::new(name, field.data_type().clone(), true));
        let verdict = [
            ("cluster", DataType::Int32),
            ("distance", DataType::Float64),
            ("score", DataType::Float64),
            ("is_anomaly", DataType::Boolean),
        ];
        let verdict = verdict.map(|(name, of)| Field::new(name, of, true));
        let schema = Schema::new(columns.chain(verdict).collect::<Vec<_>>());
        Self {
            places,
            unjudged,
            schema: Arc::new(schema),
            model,
        }
    }

    /// The columns of rows that were judged.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Judges rows.
    ///
    /// # Errors
    ///
    /// If they aren't those of the question.
    pub fn judge(&self, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let by = self.model.question.by.len();
        let (_, judged) = rows.columns().split_at(PLACES.len());
        let (groups, features) = judged.split_at(by);
        let groups = groups.iter().map(|column| {
            let texts = cast(column, &DataType::Utf8)?;
            Ok::<_, ArrowError>(texts.as_string::<i32>().clone())
        });
        let groups = groups.collect::<Result<Vec<_>, _>>()?;
        let features = features.iter().map(|column| {
            let numbers = cast(column, &DataType::Float64)?;
            Ok::<_, ArrowError>(numbers.as_primitive::<Float64Type>().clone())
        });
        let features = features.collect::<Result<Vec<_>, _>>()?;
        let verdicts = self.verdicts(&groups, &features, rows.num_rows());
        let columns = rows.columns().iter().cloned().chain(verdicts);
        RecordBatch::try_new(Arc::clone(&self.schema), columns.collect())
    }

    fn verdicts(
        &self,
        groups: &[StringArray],
        features: &[Float64Array],
        rows: usize,
    ) -> [ArrayRef; 4] {
        let mut verdicts = Verdicts::default();
        let (mut key, mut row) = (String::new(), Vec::with_capacity(features.len()));
        for number in 0..rows {
            row.clear();
            row.extend(features.iter().map(|column| value(column, number)));
            if !row.iter().copied().all(is_usable) {
                self.unjudged.unusable.fetch_add(1, Ordering::Relaxed);
                verdicts.add_none();
                continue;
            }
            key.clear();
            written(groups.iter().map(|texts| text(texts, number)), &mut key);
            let place = self.places.get(&key);
            match place.and_then(|place| self.model.groups.get(*place)) {
                Some(group) => verdicts.add(&group.judge(&row)),
                None => {
                    let values = groups.iter().map(|texts| text(texts, number));
                    let values = values.map(|value| value.map(str::to_owned));
                    let by = &self.model.question.by;
                    self.unjudged.note_unknown(by, &values.collect::<Vec<_>>());
                    verdicts.add_none();
                }
            }
        }
        verdicts.finish()
    }
}

fn text(texts: &StringArray, row: usize) -> Option<&str> {
    texts.is_valid(row).then(|| texts.value(row))
}

fn value(column: &Float64Array, row: usize) -> f64 {
    match column.is_valid(row) {
        true => column.value(row),
        false => f64::NAN,
    }
}

/// The values of a group as one text, which no other group has.
fn written<'v>(values: impl Iterator<Item = Option<&'v str>>, to: &mut String) {
    for value in values {
        // The length says where a value ends; a text takes all that is written to it.
        let _ = match value {
            Some(value) => write!(to, "{}:{value}", value.len()),
            None => write!(to, "-"),
        };
    }
}

/// Columns of verdicts.
#[derive(Default)]
struct Verdicts {
    clusters: Int32Builder,
    distances: Float64Builder,
    scores: Float64Builder,
    anomalies: BooleanBuilder,
}

impl Verdicts {
    fn add(&mut self, verdict: &Verdict) {
        let cluster = verdict
            .cluster
            .and_then(|cluster| i32::try_from(cluster).ok());
        self.clusters.append_option(cluster);
        self.distances.append_value(verdict.distance);
        self.scores.append_value(verdict.score);
        self.anomalies.append_value(verdict.is_anomaly());
    }

    fn add_none(&mut self) {
        self.clusters.append_null();
        self.distances.append_null();
        self.scores.append_null();
        self.anomalies.append_null();
    }

    fn finish(mut self) -> [ArrayRef; 4] {
        [
            Arc::new(self.clusters.finish()),
            Arc::new(self.distances.finish()),
            Arc::new(self.scores.finish()),
            Arc::new(self.anomalies.finish()),
        ]
    }
}
