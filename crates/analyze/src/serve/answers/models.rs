//! Which models there are.

use serde::Serialize;

use crate::model::file::Model;
use crate::plain::chained;
use crate::serve::models::Models;

/// The models of the directory.
#[derive(Debug, Serialize)]
pub struct Shown {
    models: Vec<One>,
}

/// A model. What isn't known of it is null.
#[derive(Debug, Default, Serialize)]
struct One {
    name: String,
    method: Option<&'static str>,
    features: Vec<String>,
    by: Vec<String>,
    /// What it was learned from, as it was named then.
    learned_from: Option<String>,
    rows: Option<u64>,
    /// Why it can't be used.
    trouble: Option<String>,
}

/// What there is.
///
/// # Errors
///
/// If the directory can't be read.
pub fn answer(models: &Models) -> anyhow::Result<Shown> {
    let all = models.all()?.into_iter();
    let models = all.map(|(name, path)| match Model::read(&path) {
        Ok((model, _)) => One {
            name,
            method: Some(model.method.name()),
            features: model.question.features,
            by: model.question.by,
            learned_from: Some(model.learned_from.source),
            rows: Some(model.learned_from.rows),
            trouble: None,
        },
        Err(error) => One {
            name,
            trouble: Some(chained(&error)),
            ..One::default()
        },
    });
    Ok(Shown {
        models: models.collect(),
    })
}
