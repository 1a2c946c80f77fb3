//! Verdicts as a function of the engine: from the values by which rows are told apart, and features, to what a model says.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanBuilder, Float64Array, Float64Builder, Int32Builder,
    StringArray, StructArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Fields, Float64Type};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::file::Model;
use super::rows::{is_usable, named};

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
                count if count >= UNKNOWN_MOST => format!(" and at least {} others", count - NAMED_MOST),
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

/// The function: of the groups' values as text, then the features, a struct with `cluster`, `distance`, `score` and `is_anomaly`,
/// each null where the row can't be judged.
#[derive(Debug)]
pub struct Judge {
    model: Arc<Model>,
    /// Where in the model each group is, by [`written`].
    places: HashMap<String, usize>,
    unjudged: Arc<Unjudged>,
    signature: Signature,
}

impl Judge {
    /// By this model; what can't be judged is counted there.
    pub fn new(model: Arc<Model>, unjudged: Arc<Unjudged>) -> Self {
        let groups = model.groups.iter().enumerate();
        let places = groups.map(|(number, group)| {
            let mut text = String::new();
            let values = group.by.iter().map(Option::as_deref);
            written(values, &mut text);
            (text, number)
        });
        let places = places.collect();
        let groups = model.question.by.iter().map(|_| DataType::Utf8);
        let features = model.question.features.iter().map(|_| DataType::Float64);
        // Not asked again for a row, nor for one that another condition leaves out: it counts.
        let signature = Signature::exact(groups.chain(features).collect(), Volatility::Volatile);
        Self {
            model,
            places,
            unjudged,
            signature,
        }
    }

    fn judge(&self, columns: &[ArrayRef], rows: usize) -> Result<StructArray> {
        let (groups, features) = columns.split_at(self.model.question.by.len());
        let groups = groups.iter().map(|column| {
            let texts = cast(column, &DataType::Utf8)?;
            Ok(texts.as_string::<i32>().clone())
        });
        let groups = groups.collect::<Result<Vec<_>>>()?;
        let features = features.iter().map(|column| {
            let numbers = cast(column, &DataType::Float64)?;
            Ok(numbers.as_primitive::<Float64Type>().clone())
        });
        let features = features.collect::<Result<Vec<_>>>()?;
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
            match self.places.get(&key).and_then(|place| self.model.groups.get(*place)) {
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
        Ok(verdicts.finish())
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
    fn add(&mut self, verdict: &super::learned::Verdict) {
        let cluster = verdict.cluster.and_then(|cluster| i32::try_from(cluster).ok());
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

    fn finish(mut self) -> StructArray {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.clusters.finish()),
            Arc::new(self.distances.finish()),
            Arc::new(self.scores.finish()),
            Arc::new(self.anomalies.finish()),
        ];
        StructArray::new(fields(), columns, None)
    }
}

/// The names of what a verdict has.
pub const PARTS: [&str; 4] = ["cluster", "distance", "score", "is_anomaly"];

fn fields() -> Fields {
    let types = [
        DataType::Int32,
        DataType::Float64,
        DataType::Float64,
        DataType::Boolean,
    ];
    let fields = PARTS.into_iter().zip(types);
    fields.map(|(name, of)| Field::new(name, of, true)).collect()
}

impl PartialEq for Judge {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.model, &other.model) && Arc::ptr_eq(&self.unjudged, &other.unjudged)
    }
}

impl Eq for Judge {}

impl Hash for Judge {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.model).hash(state);
    }
}

impl ScalarUDFImpl for Judge {
    fn name(&self) -> &'static str {
        "verdict"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(fields()))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let columns = args.args.into_iter().map(|value| value.into_array(rows));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let verdicts = self.judge(&columns, rows)?;
        Ok(ColumnarValue::Array(Arc::new(verdicts)))
    }
}
