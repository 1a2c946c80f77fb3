//! The fields of values as objects in each other, as other engines want them declared.

use crate::table::columns::{Column, Kind, Of};

/// The members of an object, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape(pub Vec<(String, Member)>);

/// A member of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Member {
    /// What it holds.
    Scalar(Kind),
    /// An object.
    Object(Shape),
}

impl Shape {
    /// Of the fields of values that are among these columns.
    pub fn of(columns: &[Column]) -> Self {
        let mut shape = Self::default();
        for column in columns {
            if let Of::Field(path) = &column.of {
                shape.add(path, column.kind);
            }
        }
        shape
    }

    fn add(&mut self, path: &[String], kind: Kind) {
        let Some((name, inside)) = path.split_first() else {
            return;
        };
        let known = self.0.iter_mut().find(|(known, _)| known == name);
        match known {
            Some((_, Member::Object(shape))) => shape.add(inside, kind),
            Some((_, Member::Scalar(_))) => {}
            None if inside.is_empty() => self.0.push((name.clone(), Member::Scalar(kind))),
            None => {
                let mut shape = Self::default();
                shape.add(inside, kind);
                self.0.push((name.clone(), Member::Object(shape)));
            }
        }
    }
}

/// The columns that an engine can tell apart that makes no difference between capital and small letters, and declares each
/// field as one thing; and which were left out, and why.
pub fn told_apart(columns: Vec<Column>) -> (Vec<Column>, Vec<(String, &'static str)>) {
    let (mut kept, mut left_out) = (Vec::<Column>::new(), Vec::new());
    for column in columns {
        let path = lower(&column);
        let others = kept.iter().map(lower).collect::<Vec<_>>();
        let is_within = |one: &[String], other: &[String]| {
            !one.is_empty() && one.len() < other.len() && other.starts_with(one)
        };
        let name = column.name.to_lowercase();
        if kept.iter().any(|other| other.name.to_lowercase() == name) {
            left_out.push((
                column.name,
                "which differs from another one in capitals alone",
            ));
        } else if others
            .iter()
            .any(|other| is_within(other, &path) || is_within(&path, other))
        {
            left_out.push((
                column.name,
                "as a field isn't an object here and text there",
            ));
        } else {
            kept.push(column);
        }
    }
    (kept, left_out)
}

fn lower(column: &Column) -> Vec<String> {
    match &column.of {
        Of::Field(path) => path.iter().map(|name| name.to_lowercase()).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::columns::{PARTS, columns};

    fn of(paths: &[&str]) -> Vec<Column> {
        let path = |text: &&str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
        columns(
            paths
                .iter()
                .map(|text| (path(text), Kind::Integer))
                .collect(),
        )
    }

    #[test]
    fn fields_are_members_of_the_objects_that_they_are_in() {
        let shape = Shape::of(&of(&["a", "m/x", "b", "m/y/z"]));
        let scalar = |name: &str| (name.to_owned(), Member::Scalar(Kind::Integer));
        let object = |name: &str, members| (name.to_owned(), Member::Object(Shape(members)));
        let inside = vec![scalar("x"), object("y", vec![scalar("z")])];
        let expected = vec![scalar("a"), object("m", inside), scalar("b")];
        assert_eq!(shape, Shape(expected));
    }

    #[test]
    fn what_an_engine_can_not_tell_apart_is_left_out() {
        let (kept, left_out) = told_apart(of(&["Host", "host", "m", "m/x", "M/y", "n/x"]));
        let kept = kept.iter().map(|column| &column.name[..]);
        assert_eq!(
            kept.skip(PARTS.len()).collect::<Vec<_>>(),
            ["Host", "m", "n.x"]
        );
        let left_out = left_out.iter().map(|(name, _)| &name[..]);
        assert_eq!(left_out.collect::<Vec<_>>(), ["host", "m.x", "M.y"]);
    }
}
