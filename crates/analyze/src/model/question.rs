//! Which rows a model is about: from names of fields to the text of a query.

use anyhow::Context;
use archiver::cli::usage;
use serde::{Deserialize, Serialize};

use crate::definition::resolve::{column, time, twice};
use crate::definition::sql::{event_ms, measurable};
use crate::definition::{Analysis, Dialect, Named};
use crate::table::columns::{Column, Of};

/// What verdicts call their own columns, beside those of groups and features.
const TAKEN: [&str; 8] = [
    "topic",
    "partition",
    "offset",
    "time",
    "cluster",
    "distance",
    "score",
    "is_anomaly",
];

/// Which rows, by the names of fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The fields that are learned from.
    pub features: Vec<String>,
    /// The fields by which rows are told apart.
    pub by: Vec<String>,
    /// The field with the time; the record's timestamp if there is none.
    pub time: Option<String>,
    /// Only rows of which this holds, in SQL, as it means the same on each engine.
    pub filter: Option<String>,
    /// The field that says which rows are anomalous.
    pub label: Option<String>,
}

impl Question {
    /// The query for these rows of a table: `topic`, `partition` and `"offset"` (null where the table has none), `event_ms` (when
    /// it was, in milliseconds since 1970; null where it doesn't say), `by_0`, …, `feature_0`, … as numbers in floating point,
    /// and `label`, if there is one.
    ///
    /// # Errors
    ///
    /// If the table has no such fields, or they can't stand together.
    pub fn query(&self, columns: &[Column], table: &str) -> anyhow::Result<String> {
        self.check_names()?;
        let of = self.analysis(columns, table)?;
        let dialect = Dialect::DataFusion;
        let has = |name: &str| columns.iter().any(|column| column.name == name);
        let part = |name: &str, kind: &str| {
            let quoted = dialect.quoted(name);
            match has(name) {
                true => format!("TRY_CAST({quoted} AS {kind}) AS {quoted}"),
                false => format!("CAST(NULL AS {kind}) AS {quoted}"),
            }
        };
        let is_timed = |column: &Column| column.of == Of::Timestamp && column.name == "timestamp";
        let time = match of.time.is_some() || columns.iter().any(is_timed) {
            true => event_ms(&of, dialect),
            false => "CAST(NULL AS BIGINT)".to_owned(),
        };
        let named = |fields: &[Named], prefix: &str| {
            let fields = fields.iter().enumerate();
            let columns = fields.map(|(number, field)| {
                format!(", {} AS {prefix}_{number}", dialect.quoted(&field.column))
            });
            columns.collect::<String>()
        };
        let measured = (0..of.values.len()).map(|number| {
            let name = match number < self.features.len() {
                true => format!("feature_{number}"),
                false => "label".to_owned(),
            };
            format!(", CAST({} AS DOUBLE) AS {name}", measurable(&of, number))
        });
        let measured = measured.collect::<String>();
        let groups = (0..of.by.len()).map(|number| format!(", by_{number}"));
        let groups = groups.collect::<String>();
        let filter = match &of.filter {
            Some(filter) => format!(" WHERE ({filter})"),
            None => String::new(),
        };
        Ok(format!(
            "SELECT topic, \"partition\", \"offset\", event_ms{groups}{measured} FROM (SELECT {}, {}, {}, {time} AS event_ms{}{} \
             FROM {}{filter}) AS placed",
            part("topic", "VARCHAR"),
            part("partition", "INT"),
            part("offset", "BIGINT"),
            named(&of.by, "by"),
            named(&of.values, "value"),
            dialect.quoted(&of.source),
        ))
    }

    /// With the columns of a table in place of names; the label is behind the features.
    fn analysis(&self, columns: &[Column], table: &str) -> anyhow::Result<Analysis> {
        let named = |name: &String| {
            column(columns, name, table).map(|column| Named {
                column: column.name.clone(),
                name: name.clone(),
                kind: column.measured(),
            })
        };
        let time = self.time.as_ref().map(|name| time(columns, name, table));
        let values = self.features.iter().chain(&self.label).map(named);
        Ok(Analysis {
            source: table.to_owned(),
            time: time.transpose()?,
            values: values.collect::<Result<_, _>>()?,
            by: self.by.iter().map(named).collect::<Result<_, _>>()?,
            filter: self.filter.clone(),
            windows: None,
            detection: None,
        })
    }

    fn check_names(&self) -> anyhow::Result<()> {
        let names = [&self.features[..], &self.by].concat();
        if let Some(taken) = names.iter().find(|name| TAKEN.contains(&&name[..])) {
            return Err(usage(&format!(
                "verdicts have a column {taken} of their own, so no field of that name can stand beside it; give the field another name by a view"
            ))
            .into());
        }
        if let Some(twice) = twice(&names) {
            return Err(usage(&format!("{twice} is named twice")).into());
        }
        if let Some(label) = self.label.as_ref().filter(|label| names.contains(label)) {
            return Err(usage(&format!(
                "{label} is the label, and can't be a feature or a group: it would be learned from itself"
            ))
            .into());
        }
        if self.features.is_empty() {
            return Err(usage("name at least one field to learn from").into());
        }
        Ok(())
    }

    /// The same query of a model, which needs these fields whatever is asked.
    ///
    /// # Errors
    ///
    /// As [`Question::query`].
    pub fn query_again(&self, columns: &[Column], table: &str) -> anyhow::Result<String> {
        let needs = [&self.features[..], &self.by].concat().join(", ");
        let query = self.query(columns, table);
        query.with_context(|| format!("the model is about {needs}, which must be there"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::columns::{Kind, columns, fields_alone};

    fn question(features: &[&str], by: &[&str], label: Option<&str>) -> Question {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Question {
            features: owned(features),
            by: owned(by),
            label: label.map(str::to_owned),
            ..Question::default()
        }
    }

    fn fields() -> Vec<(Vec<String>, Kind)> {
        let fields = [
            ("a", Kind::Number),
            ("b", Kind::Text),
            ("ok", Kind::Boolean),
            ("offset", Kind::Integer),
        ];
        let fields = fields.map(|(name, kind)| (vec![name.to_owned()], kind));
        fields.into()
    }

    #[test]
    fn names_that_can_t_stand_together_are_refused() {
        let columns = columns(fields());
        for (question, said) in [
            (
                question(&["a", "offset"], &[], None),
                "a column offset of their own",
            ),
            (question(&["a"], &["a"], None), "named twice"),
            (question(&["a"], &["b"], Some("b")), "learned from itself"),
            (question(&[], &["b"], None), "at least one field"),
            (question(&["aa"], &["b"], None), "no field aa"),
        ] {
            let refused = question.query(&columns, "t").expect_err(said).to_string();
            assert!(refused.contains(said), "{refused}");
        }
        let again = question(&["aa"], &["b"], None).query_again(&columns, "t");
        let again = format!("{:#}", again.expect_err("no such field"));
        assert!(again.starts_with("the model is about aa, b"), "{again}");
    }

    #[test]
    fn a_file_without_places_and_times_has_none() {
        let query = question(&["a", "b"], &["ok"], None).query(&fields_alone(fields()), "t");
        let query = query.expect("a query");
        for part in [
            "CAST(NULL AS VARCHAR) AS \"topic\"",
            "TRY_CAST(\"offset\" AS BIGINT)",
            "CAST(NULL AS BIGINT) AS event_ms",
            "CAST(TRY_CAST(value_1 AS DOUBLE) AS DOUBLE) AS feature_1",
        ] {
            assert!(query.contains(part), "{part}: {query}");
        }
    }
}
