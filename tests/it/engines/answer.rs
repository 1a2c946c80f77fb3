//! The answer of an engine: what was measured of each window and group.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Floats may differ by so much of the larger one, or of 1.
const TOLERANCE: f64 = 1e-9;

/// Rows by their windows and groups.
pub struct Answer(BTreeMap<String, Map<String, Value>>);

impl Answer {
    /// Reads rows, of which these columns say which window and group they are. A column that is null may be left out.
    pub fn read(rows: &str, keys: &[String]) -> Self {
        let mut read = BTreeMap::new();
        for line in rows.lines() {
            let mut row = serde_json::from_str::<Map<String, Value>>(line).expect("an object");
            let key = keys.iter().map(|key| row.remove(key).unwrap_or_default());
            let key = key.collect::<Vec<_>>();
            row.retain(|_, value| !value.is_null());
            let known = read.insert(format!("{key:?}"), row);
            assert!(known.is_none(), "{key:?} is there twice");
        }
        Self(read)
    }

    pub fn rows(&self) -> usize {
        self.0.len()
    }

    /// The largest difference of two floats.
    ///
    /// # Errors
    ///
    /// If a window is missing, or anything else differs.
    pub fn compare(&self, other: &Self) -> Result<f64, String> {
        let mut largest = 0.0_f64;
        for (key, columns) in &self.0 {
            let found = other.0.get(key).ok_or_else(|| format!("no {key}"))?;
            if !found.keys().eq(columns.keys()) {
                return Err(format!("{key}: {columns:?}, not {found:?}"));
            }
            for (name, expected) in columns {
                let difference = difference(expected, &found[name]);
                if difference > TOLERANCE {
                    return Err(format!("{key}: {name} is {}, not {expected}", found[name]));
                }
                largest = largest.max(difference);
            }
        }
        match other.0.keys().find(|key| !self.0.contains_key(*key)) {
            Some(more) => Err(format!("{more} is one too many")),
            None => Ok(largest),
        }
    }
}

/// How far two values are from each other: nothing if they are the same.
fn difference(one: &Value, other: &Value) -> f64 {
    match (one.as_f64(), other.as_f64()) {
        _ if one == other => 0.0,
        (Some(a), Some(b)) if one.is_f64() || other.is_f64() => {
            f64::abs(a - b) / a.abs().max(b.abs()).max(1.0)
        }
        _ => f64::INFINITY,
    }
}
