//! The fields that are wanted of objects, and where they stand in one.

use std::ops::Range;

use super::scalar::unquoted;
use super::scanner::{NotJson, Scanner};

/// Where a field stands in a document, in bytes, if it is there.
pub type Found = Option<Range<usize>>;

/// Fields by their names, and of those that are objects the fields in them.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    members: Vec<Member>,
}

#[derive(Debug, Clone)]
struct Member {
    name: String,
    /// The number of the field, if it is wanted itself.
    number: Option<usize>,
    inside: Fields,
}

impl Fields {
    /// Fields by their paths from the outside in, numbered as they come.
    pub fn new<'p>(paths: impl IntoIterator<Item = &'p [String]>) -> Self {
        let mut fields = Self::default();
        for (number, path) in paths.into_iter().enumerate() {
            fields.add(path, number);
        }
        fields
    }

    fn add(&mut self, path: &[String], number: usize) {
        let [name, inside @ ..] = path else {
            return;
        };
        let known = self.members.iter().position(|member| member.name == *name);
        let at = known.unwrap_or_else(|| {
            self.members.push(Member {
                name: name.clone(),
                number: None,
                inside: Self::default(),
            });
            self.members.len() - 1
        });
        match inside {
            [] => self.members[at].number = Some(number),
            inside => self.members[at].inside.add(inside, number),
        }
    }

    /// Notes for each field where it stands in a document, as it stands there; of a name that is there twice, the last.
    /// Returns whether the document is an object: another one has no fields.
    ///
    /// # Errors
    ///
    /// If it is no document.
    pub fn find(&self, document: &str, found: &mut [Found]) -> Result<bool, NotJson> {
        found.fill(None);
        let mut scanner = Scanner::new(document);
        let is_object = scanner.peek()? == b'{';
        let done = match is_object {
            true => self.of_object(&mut scanner, found),
            false => scanner.value().map(drop),
        };
        match done {
            Ok(()) if scanner.is_at_end() => Ok(is_object),
            _ => {
                found.fill(None);
                Err(NotJson)
            }
        }
    }

    fn of_object(&self, scanner: &mut Scanner<'_>, found: &mut [Found]) -> Result<(), NotJson> {
        scanner.object(|name, scanner| {
            let Some(member) = self.member(name) else {
                return scanner.value().map(drop);
            };
            member.inside.forget(found);
            let first = scanner.peek()?;
            let start = scanner.at();
            match first {
                b'{' if !member.inside.members.is_empty() => {
                    member.inside.of_object(scanner, found)?;
                }
                _ => drop(scanner.value()?),
            }
            if let Some(number) = member.number {
                found[number] = Some(start..scanner.at());
            }
            Ok(())
        })?;
        Ok(())
    }

    /// What was found of an object that stands there once more counts no longer.
    fn forget(&self, found: &mut [Found]) {
        for member in &self.members {
            if let Some(number) = member.number {
                found[number] = None;
            }
            member.inside.forget(found);
        }
    }

    #[inline]
    fn member(&self, name: &str) -> Option<&Member> {
        let mut members = self.members.iter();
        match name.contains('\\') {
            true => {
                let name = unquoted(name)?;
                members.find(|member| member.name == name)
            }
            false => members.find(|member| member.name == name),
        }
    }
}
