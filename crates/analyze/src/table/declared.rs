//! Fields whose kinds somebody says, in place of what a sample shows.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

use super::columns::{Column, Kind, Of, with_fields};

/// A field, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    path: Vec<String>,
    kind: Kind,
}

impl<'de> Deserialize<'de> for Declared {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let declared = text.parse();
        declared.map_err(|why| de::Error::custom(format!("{text:?}: {why}")))
    }
}

impl FromStr for Declared {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, kind) = text.rsplit_once('=').ok_or("write FIELD=KIND")?;
        let kind = match kind {
            "boolean" => Kind::Boolean,
            "integer" => Kind::Integer,
            "number" => Kind::Number,
            "text" => Kind::Text,
            kind => {
                return Err(format!(
                    "{kind:?} is none of boolean, integer, number and text"
                ));
            }
        };
        if name.is_empty() {
            return Err("write FIELD=KIND".to_owned());
        }
        let path = name.split('.').map(str::to_owned).collect();
        Ok(Self { path, kind })
    }
}

/// Columns with what was declared: a field that a sample didn't show comes behind those that it did.
pub fn declare(columns: Vec<Column>, declared: &[Declared]) -> Vec<Column> {
    let mut columns = columns;
    let mut new = Vec::new();
    for Declared { path, kind } in declared {
        let name = path.join(".");
        let is_meant =
            |column: &&mut Column| matches!(&column.of, Of::Field(of) if of.join(".") == name);
        match columns.iter_mut().find(is_meant) {
            Some(column) => column.kind = *kind,
            None => new.push((path.clone(), *kind)),
        }
    }
    with_fields(columns, new)
}

#[cfg(test)]
mod tests {
    use super::super::columns::columns;
    use super::*;

    #[test]
    fn what_is_declared_counts_and_what_no_sample_showed_comes_behind() {
        let sampled = columns(vec![
            (vec!["v".to_owned()], Kind::Integer),
            (vec!["m".to_owned(), "n".to_owned()], Kind::Text),
        ]);
        let declared = ["v=number", "m.n=integer", "key=text", "late.z=boolean"];
        let declared = declared.map(|text| text.parse().unwrap());
        let columns = declare(sampled, &declared);
        let fields = columns.iter().skip(8);
        let fields = fields.map(|column| (&column.name[..], column.kind));
        let expected = [
            ("v", Kind::Number),
            ("m.n", Kind::Integer),
            ("value.key", Kind::Text),
            ("late.z", Kind::Boolean),
        ];
        assert_eq!(fields.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["v", "=number", "v=float", ""] {
            assert!(text.parse::<Declared>().is_err(), "{text:?}");
        }
    }
}
