//! A sample of values: which fields they have, and what stands in them.

use crate::json::scalar::{self, unquoted};
use crate::json::scanner::{NotJson, Scanner};

use super::columns::Kind;

/// Objects are looked into up to this depth; what is deeper is text.
const DEPTH_MOST: usize = 5;
/// More fields than anybody wants to see: names that are data, most likely.
const FIELDS_MOST: usize = 1_000;

/// The fields that were seen, in their order.
#[derive(Debug, Default)]
pub struct Sample {
    fields: Vec<(Vec<String>, Option<Kind>)>,
    /// So many values were looked at.
    pub values: u64,
    /// So many of them are no JSON objects.
    pub others: u64,
    /// Fields that hold different things, and are text therefore.
    pub widened: Vec<String>,
}

impl Sample {
    /// Looks at a value.
    pub fn note(&mut self, value: &str) {
        self.values += 1;
        let mut scanner = Scanner::new(value);
        let mut seen = Vec::new();
        let is_object = scanner.peek() == Ok(b'{');
        let looked = is_object
            .then(|| look(&mut scanner, &mut Vec::new(), &mut seen))
            .filter(|done| done.is_ok() && scanner.is_at_end());
        if looked.is_none() {
            self.others += 1;
            return;
        }
        for (path, kind) in seen {
            self.add(path, kind);
        }
    }

    fn add(&mut self, path: Vec<String>, kind: Option<Kind>) {
        let known = self.fields.iter().position(|(known, _)| *known == path);
        match known {
            Some(at) => {
                let held = &mut self.fields[at].1;
                let before = *held;
                *held = match (before, kind) {
                    (Some(before), Some(kind)) => Some(before.with(kind)),
                    (before, kind) => before.or(kind),
                };
                let is_widened =
                    before.is_some_and(|before| before != Kind::Text) && *held == Some(Kind::Text);
                if is_widened {
                    self.widened.push(path.join("."));
                }
            }
            None if self.fields.len() < FIELDS_MOST => self.fields.push((path, kind)),
            None => {}
        }
    }

    /// The fields, and what each holds. One that was always null is text. One that has others in it is none itself.
    pub fn fields(self) -> Vec<(Vec<String>, Kind)> {
        let all = self.fields.clone();
        let has_others = |path: &[String]| {
            let mut all = all.iter();
            all.any(|(other, _)| other.len() > path.len() && other.starts_with(path))
        };
        let fields = self.fields.into_iter();
        let fields = fields.filter(|(path, kind)| kind.is_some() || !has_others(path));
        fields
            .map(|(path, kind)| (path, kind.unwrap_or(Kind::Text)))
            .collect()
    }
}

type Seen = Vec<(Vec<String>, Option<Kind>)>;

/// Notes the fields of the object that comes next.
fn look(scanner: &mut Scanner<'_>, path: &mut Vec<String>, seen: &mut Seen) -> Result<(), NotJson> {
    let looked = scanner.object(|name, scanner| {
        path.push(unquoted(name).ok_or(NotJson)?.into_owned());
        let done = match scanner.peek()? {
            b'{' if path.len() < DEPTH_MOST => look(scanner, path, seen),
            _ => scanner
                .value()
                .map(|raw| seen.push((path.clone(), kind(raw)))),
        };
        path.pop();
        done
    });
    looked.map(drop)
}

fn kind(raw: &str) -> Option<Kind> {
    match scalar::kind(raw) {
        scalar::Kind::Null => None,
        scalar::Kind::Boolean => Some(Kind::Boolean),
        scalar::Kind::Integer => Some(Kind::Integer),
        scalar::Kind::Number => Some(Kind::Number),
        scalar::Kind::Text | scalar::Kind::Nested => Some(Kind::Text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(values: &[&str]) -> (Vec<(String, Kind)>, Sample) {
        let mut sample = Sample::default();
        let mut again = Sample::default();
        for value in values {
            sample.note(value);
            again.note(value);
        }
        let fields = sample.fields().into_iter();
        (
            fields.map(|(path, kind)| (path.join("."), kind)).collect(),
            again,
        )
    }

    #[test]
    fn fields_come_in_their_order_with_what_holds_all_of_them() {
        let (fields, sample) = sampled(&[
            r#"{"b":1,"a":null,"m":{"x":true,"y":{"z":"t"}},"list":[1]}"#,
            r#"{"b":1.5,"c":1,"m":{"x":null}}"#,
            r#"{"c":"text"}"#,
            "no JSON",
            "[1]",
        ]);
        let expected = [
            ("b", Kind::Number),
            ("a", Kind::Text),
            ("m.x", Kind::Boolean),
            ("m.y.z", Kind::Text),
            ("list", Kind::Text),
            ("c", Kind::Text),
        ];
        let expected = expected.map(|(name, kind)| (name.to_owned(), kind));
        assert_eq!(fields, expected);
        assert_eq!((sample.values, sample.others), (5, 2));
        assert_eq!(sample.widened, ["c"]);
    }

    #[test]
    fn an_object_that_is_null_at_times_has_its_fields_alone() {
        let (fields, _) = sampled(&[r#"{"m":null}"#, r#"{"m":{"x":1}}"#]);
        assert_eq!(fields, [("m.x".to_owned(), Kind::Integer)]);
    }
}
