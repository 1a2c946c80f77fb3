//! A sample of values: which fields they have, and what stands in them.

use archiver_format::archive::Segment;
use archiver_format::envelope::decode;
use archiver_format::read::{ReadError, Selection};

use crate::json::scalar::{self, unquoted};
use crate::json::scanner::{NotJson, Scanner};

use super::columns::Kind;

/// Objects are looked into up to this depth; what is deeper is text.
const DEPTH_MOST: usize = 5;
/// So many segments are looked into: the first, the last, and some between them.
const SEGMENTS_MOST: usize = 32;
/// So many values are looked at of a segment, or a file.
pub const VALUES_MOST: u64 = 1_000;
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
    /// Looks into segments, some of them if there are many. What can't be read is passed over on demand.
    ///
    /// # Errors
    ///
    /// If one can't be read.
    pub fn of(segments: &[Segment], is_lenient: bool) -> Result<Self, ReadError> {
        Self::looking_into(spread(segments), &Selection::default(), is_lenient)
    }

    /// Looks into these segments. What can't be read is passed over on demand.
    ///
    /// # Errors
    ///
    /// If one can't be read.
    pub fn looking_into<'s>(
        segments: impl Iterator<Item = &'s Segment>,
        selection: &Selection,
        is_lenient: bool,
    ) -> Result<Self, ReadError> {
        let mut sample = Self::default();
        sample.look_into(segments, selection, is_lenient)?;
        Ok(sample)
    }

    /// Looks into these segments as well. What can't be read is passed over on demand.
    ///
    /// # Errors
    ///
    /// If one can't be read.
    pub fn look_into<'s>(
        &mut self,
        segments: impl Iterator<Item = &'s Segment>,
        selection: &Selection,
        is_lenient: bool,
    ) -> Result<(), ReadError> {
        for segment in segments {
            match self.look(segment, selection) {
                Err(error) if !is_lenient => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Looks at the first values of a segment.
    ///
    /// # Errors
    ///
    /// If it can't be read.
    fn look(&mut self, segment: &Segment, selection: &Selection) -> Result<(), ReadError> {
        let mut reader = segment.open(segment.bytes(), selection)?;
        if reader.left_out() > 0 {
            reader = segment.open(segment.bytes(), &Selection::default())?;
        }
        let is_raw = segment.format == "raw";
        let until = self.values + VALUES_MOST;
        while self.values < until && reader.next_line()? {
            let line = reader.line().bytes;
            let decoded = (!is_raw).then(|| decode(line).ok()).flatten();
            let value = match (&decoded, is_raw) {
                (_, true) => Some(line),
                (Some(decoded), false) => decoded.value.as_deref(),
                (None, false) => None,
            };
            match value.map(std::str::from_utf8) {
                Some(Ok(value)) => self.note(value),
                _ => self.values += 1,
            }
        }
        Ok(())
    }

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
                let differs = before
                    .zip(kind)
                    .is_some_and(|(before, kind)| before != kind);
                if differs && *held == Some(Kind::Text) {
                    let name = path.join(".");
                    if !self.widened.contains(&name) {
                        self.widened.push(name);
                    }
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

fn spread(segments: &[Segment]) -> impl Iterator<Item = &Segment> {
    let last = segments.len().saturating_sub(1);
    let count = segments.len().min(SEGMENTS_MOST);
    let gaps = count.saturating_sub(1).max(1);
    (0..count).filter_map(move |number| segments.get(number * last / gaps))
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
            r#"{"c":"text","d":"text"}"#,
            r#"{"c":true,"d":1}"#,
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
            ("d", Kind::Text),
        ];
        let expected = expected.map(|(name, kind)| (name.to_owned(), kind));
        assert_eq!(fields, expected);
        assert_eq!((sample.values, sample.others), (6, 2));
        assert_eq!(sample.widened, ["c", "d"]);
    }

    #[test]
    fn an_object_that_is_null_at_times_has_its_fields_alone() {
        let (fields, _) = sampled(&[r#"{"m":null}"#, r#"{"m":{"x":1}}"#]);
        assert_eq!(fields, [("m.x".to_owned(), Kind::Integer)]);
    }
}
