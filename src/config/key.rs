//! What a key is: a row of the table of keys, and the kinds of values that one can have.

use std::any::Any;
use std::marker::PhantomData;

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::DeValue;

use super::keys::KEYS;
use super::walk::Walker;

/// A value as the parser gives it.
pub(super) type Toml<'i> = Spanned<DeValue<'i>>;

/// A kind of value: how it is read, and what the reference and the schema say of it.
pub(super) trait Kind: Sync {
    /// What a value is once it is read.
    type Value: 'static;
    /// Whether a report may show what is typed for a value. Never where properties are or could be.
    const SHOWN: bool = true;
    /// Reads the value of `key`. What is wrong with it is reported.
    fn read(&self, walker: &mut Walker<'_>, key: &str, value: &Toml<'_>) -> Option<Self::Value>;
    /// What a value can be, for messages and the reference.
    fn limits(&self) -> String {
        String::new()
    }
    /// The JSON schema of a value as typed.
    fn schema(&self) -> Json;
}

/// A [`Kind`] of whatever value.
pub(super) trait AnyKind: Sync {
    fn read_any(
        &self,
        walker: &mut Walker<'_>,
        key: &str,
        value: &Toml<'_>,
    ) -> Option<Box<dyn Any>>;
    fn limits(&self) -> String;
    fn schema(&self) -> Json;
}

impl<K: Kind> AnyKind for K {
    fn read_any(
        &self,
        walker: &mut Walker<'_>,
        key: &str,
        value: &Toml<'_>,
    ) -> Option<Box<dyn Any>> {
        if K::SHOWN {
            walker.show(value);
        }
        let read = self.read(walker, key, value)?;
        Some(Box::new(read))
    }

    fn limits(&self) -> String {
        Kind::limits(self)
    }

    fn schema(&self) -> Json {
        Kind::schema(self)
    }
}

/// A key, by which a value of its kind is taken out of a table.
pub(super) struct Key<K> {
    pub name: &'static str,
    kind: PhantomData<K>,
}

impl<K> Key<K> {
    pub const fn named(name: &'static str) -> Self {
        Self {
            name,
            kind: PhantomData,
        }
    }
}

/// All there is to say of a key.
pub(super) struct Row {
    pub name: &'static str,
    /// Where it may stand; its default holds in the first of these.
    pub places: &'static [Position],
    pub kind: &'static dyn AnyKind,
    pub default: DefaultValue,
    /// One line for the reference and the schema.
    pub help: &'static str,
}

/// What holds when a key is left out.
#[derive(Clone, Copy)]
pub(super) enum DefaultValue {
    /// It can't be.
    Required,
    /// This value, in TOML.
    Typed(&'static str),
    /// Nothing, or what follows from other things: in words, for the reference.
    Told(&'static str),
}

/// A table that keys stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Position {
    Top,
    Defaults,
    Archive,
    Limits,
    Cluster,
}

impl Position {
    /// The keys that may stand here.
    pub fn rows(self) -> impl Iterator<Item = &'static Row> {
        KEYS.iter().filter(move |row| row.places.contains(&self))
    }

    /// As it is typed.
    pub fn header(self) -> &'static str {
        match self {
            Self::Top => "",
            Self::Defaults => "[defaults]",
            Self::Archive => "[[archive]]",
            Self::Limits => "[limits]",
            Self::Cluster => "[clusters.NAME]",
        }
    }

    /// As in "unknown key … in `[limits]`".
    pub fn within(self) -> String {
        match self {
            Self::Top => "at the top of the file".to_owned(),
            Self::Archive => format!("in an `{}`", self.header()),
            Self::Cluster => format!("in a `{}` table", self.header()),
            Self::Defaults | Self::Limits => format!("in `{}`", self.header()),
        }
    }

    /// As in "this archive is missing …", where there can be several.
    pub fn noun(self) -> Option<&'static str> {
        match self {
            Self::Archive => Some("archive"),
            Self::Cluster => Some("cluster"),
            Self::Top | Self::Defaults | Self::Limits => None,
        }
    }
}
