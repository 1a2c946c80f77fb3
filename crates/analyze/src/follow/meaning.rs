//! What an analysis means, as it stands in its checkpoint: a definition that means something else doesn't go on with it.

use std::collections::BTreeMap;

use anyhow::bail;
use archiver::moment::show_duration;
use serde::{Deserialize, Serialize};

use crate::definition::Fill;
use crate::definition::detection::Method;
use crate::definition::length::Length;
use crate::definition::written::Definition;

/// The keys of a definition that say what is measured, as text. Those that are left out aren't in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Meaning(BTreeMap<String, String>);

impl Meaning {
    /// What a definition means.
    pub fn of(definition: &Definition) -> Self {
        let Definition {
            source,
            time,
            value,
            by,
            filter,
            window,
            aggregates,
            fill,
            anomalies,
            ..
        } = definition;
        let list = |names: &[String]| (!names.is_empty()).then(|| format!("{names:?}"));
        let length = |length: Length| show_duration(length.0);
        let window = window.unwrap_or_default();
        let aggregates = aggregates.iter().map(ToString::to_string);
        let aggregates = aggregates.collect::<Vec<_>>();
        let fill = fill.map(|fill| match fill {
            Fill::Zero => "zero",
            Fill::Null => "null",
        });
        // What other methods find isn't asked for.
        let rolling = anomalies.filter(|of| of.method == Method::RollingSigma);
        let pairs = [
            ("source", Some(source.clone())),
            ("time", time.clone()),
            ("value", list(value)),
            ("by", list(by)),
            ("filter", filter.clone()),
            ("tumbling", window.tumbling.map(length)),
            ("sliding", window.sliding.map(length)),
            ("every", window.every.map(length)),
            ("session", window.session.map(length)),
            ("offset", window.offset.map(length)),
            ("aggregates", list(&aggregates)),
            ("fill", fill.map(str::to_owned)),
            ("sigmas", rolling.map(|of| of.sigmas.to_string())),
            ("history", rolling.map(|of| length(of.history))),
        ];
        let said = pairs.into_iter();
        let said = said.filter_map(|(key, text)| Some((key.to_owned(), text?)));
        Self(said.collect())
    }

    /// Does a definition that means this go on with what that other one has emitted?
    ///
    /// # Errors
    ///
    /// If not: with the first key that is another one.
    pub fn check(&self, before: &Self) -> anyhow::Result<()> {
        let keys = self.0.keys().chain(before.0.keys());
        for key in keys {
            let (now, before) = (self.0.get(key), before.0.get(key));
            if now != before {
                let said = |text: Option<&String>| match text {
                    Some(text) => text.clone(),
                    None => "nothing".to_owned(),
                };
                bail!(
                    "{key} is {}, and was {} in what was emitted; change it back, or give it another name or another --state to begin anew",
                    said(now),
                    said(before)
                );
            }
        }
        Ok(())
    }
}
