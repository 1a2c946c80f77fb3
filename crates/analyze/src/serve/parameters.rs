//! The parameters of a request, as they stand in its address.

use std::fmt::Display;
use std::str::FromStr;

use archiver::terminal::nearest;

use super::problem::Problem;

/// What may be said more than once.
const REPEATED: [&str; 1] = ["only"];

/// So long SQL may be.
const SQL_BYTES_MOST: usize = 4096;

/// Names and values, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Those of a query string, of which only these names are known.
    ///
    /// # Errors
    ///
    /// If it isn't one, or has another name, or one twice.
    pub fn parse(query: &str, known: &[&str]) -> Result<Self, Problem> {
        let mut all = Vec::<(String, String)>::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(name)?, decoded(value)?);
            if !known.contains(&&name[..]) {
                return Err(unknown(&name, known));
            }
            let is_there = all.iter().any(|(other, _)| *other == name);
            if is_there && !REPEATED.contains(&&name[..]) {
                return Err(Problem::wrong(format!("{name} is said twice")));
            }
            all.push((name, value));
        }
        Ok(Self(all))
    }

    /// What a parameter says; nothing if it isn't there, or is empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.every(name).next()
    }

    /// What each parameter of this name says.
    pub fn every<'p>(&'p self, name: &str) -> impl Iterator<Item = &'p str> {
        let named = self.0.iter().filter(move |(other, _)| other == name);
        let values = named.map(|(_, value)| &value[..]);
        values.filter(|value| !value.is_empty())
    }

    /// What a parameter says that must be there.
    ///
    /// # Errors
    ///
    /// If it isn't.
    pub fn needed(&self, name: &str) -> Result<&str, Problem> {
        let missing = || Problem::wrong(format!("{name} is missing"));
        self.text(name).ok_or_else(missing)
    }

    /// What a parameter says in SQL, which isn't endless: what is deep in it needs as deep a stack.
    ///
    /// # Errors
    ///
    /// If it is too long.
    pub fn sql(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.text(name) {
            Some(sql) if sql.len() > SQL_BYTES_MOST => Err(Problem::wrong(format!(
                "{name} is longer than {SQL_BYTES_MOST} bytes"
            ))),
            sql => Ok(sql),
        }
    }

    /// A list with commas between what stands in it.
    pub fn list(&self, name: &str) -> Vec<String> {
        let names = self.text(name).into_iter().flat_map(|list| list.split(','));
        names.map(str::to_owned).collect()
    }

    /// What a parameter says, read as what it stands for.
    ///
    /// # Errors
    ///
    /// If it can't be.
    pub fn read<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>, Problem> {
        self.read_by(name, str::parse)
    }

    /// The same, by this function.
    ///
    /// # Errors
    ///
    /// If it can't be.
    pub fn read_by<T, E: Display>(
        &self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Problem> {
        let read = self.text(name).map(read).transpose();
        read.map_err(|why| Problem::wrong(format!("{name}: {why}")))
    }

    /// The first of these that is there.
    pub fn first_of<'n>(&self, names: &[&'n str]) -> Option<&'n str> {
        let mut names = names.iter();
        names.find(|name| self.text(name).is_some()).copied()
    }
}

fn unknown(name: &str, known: &[&str]) -> Problem {
    let shown = name.chars().filter(|c| !c.is_control()).take(100);
    let shown = shown.collect::<String>();
    Problem::wrong(match nearest(&shown, known.iter().copied()) {
        Some(near) => format!("there is no parameter {shown}; did you mean {near}?"),
        None if known.is_empty() => format!("there is no parameter {shown}; this takes none"),
        None => format!(
            "there is no parameter {shown}; there are {}",
            known.join(", ")
        ),
    })
}

/// A name or a value without what stands for other characters.
fn decoded(text: &str) -> Result<String, Problem> {
    let wrong = || Problem::wrong("the query isn't percent-encoded UTF-8");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next(), rest.next()];
                let [Some(high), Some(low)] = digits.map(|digit| digit.and_then(value)) else {
                    return Err(wrong());
                };
                16 * high + low
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

/// What a hexadecimal digit stands for.
fn value(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::length::Length;

    const KNOWN: [&str; 4] = ["source", "value", "only", "tumbling"];

    fn why(query: &str) -> String {
        let refused = Parameters::parse(query, &KNOWN).expect_err("is refused");
        assert_eq!(refused.status, 400);
        refused.why
    }

    #[test]
    fn what_is_encoded_is_read_as_it_was_meant() {
        let query = "source=a%20b+%C3%A4%25&value=x,y&only=h:1&only=h:2&tumbling=";
        let parameters = Parameters::parse(query, &KNOWN).expect("is read");
        assert_eq!(parameters.text("source"), Some("a b \u{e4}%"));
        assert_eq!(parameters.list("value"), ["x", "y"]);
        let only = parameters.every("only").collect::<Vec<_>>();
        assert_eq!(only, ["h:1", "h:2"]);
        let tumbling = parameters.read::<Length>("tumbling");
        assert_eq!(tumbling, Ok(None));
    }

    #[test]
    fn what_nobody_knows_is_refused_with_what_was_meant() {
        assert_eq!(
            why("sorce=a"),
            "there is no parameter sorce; did you mean source?"
        );
        assert!(why("x=1").contains("there are source, value"));
        assert_eq!(why("value=a&value=b"), "value is said twice");
        for broken in ["source=%", "source=%4", "source=%zz", "source=%ff"] {
            assert!(why(broken).contains("percent-encoded"), "{broken}");
        }
    }

    #[test]
    fn a_value_that_can_t_be_read_is_named() {
        let parameters = Parameters::parse("tumbling=1+m", &KNOWN).expect("is read");
        let refused = parameters.read::<Length>("tumbling").expect_err("is none");
        assert_eq!(
            refused.why,
            "tumbling: not a duration; write 30s, 10m or 1h30m"
        );
        let missing = parameters.needed("source").expect_err("is missing");
        assert_eq!(missing.why, "source is missing");
    }
}
