//! What a key is: the row that says all of it, and the kind of value that it has. Which keys there are is no
//! business of this file.

use std::any::Any;
use std::marker::PhantomData;

use serde_json::Value as Json;
use toml::de::DeTable;

use super::table_name::TableName;
use super::walk::{Toml, Walker};

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
    pub places: &'static [TableName],
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
    /// It can't be, unless this key stands beside it.
    RequiredWithout(&'static str),
    /// This value, in TOML.
    Typed(&'static str),
    /// Nothing, or what follows from other things: in words, for the reference.
    Told(&'static str),
}

impl DefaultValue {
    /// Is the key missing in a table where it doesn't stand?
    pub fn is_missing_in(self, table: &DeTable<'_>) -> bool {
        match self {
            Self::Required => true,
            Self::RequiredWithout(other) => !table.contains_key(other),
            Self::Typed(_) | Self::Told(_) => false,
        }
    }
}
