//! Points as they come, told apart by their group.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::columns::{COLUMNS_MOST, Columns};
use super::series::{Group, Point, Series};

/// So many groups of a metric are drawn: nobody looks at more, and memory is bounded.
pub const GROUPS_MOST: usize = 200;

/// Collects the points of one metric.
#[derive(Debug)]
pub struct Collector {
    metric: String,
    by: Vec<String>,
    /// Where in `groups` each is.
    places: HashMap<String, usize>,
    groups: Vec<(Group, Columns)>,
    /// The group of a point as text, which is kept so that its memory is used again.
    key: String,
    /// So many columns of time each.
    columns: usize,
}

/// There are more groups than can be drawn.
#[derive(Debug, thiserror::Error)]
#[error(
    "{metric} has more than {GROUPS_MOST} groups of {by}; leave some out with --filter, or name fewer fields with --by"
)]
pub struct TooManyGroups {
    metric: String,
    by: String,
}

impl Collector {
    /// For a metric whose points are told apart by these fields.
    pub fn new(metric: &str, by: &[String]) -> Self {
        Self::with_columns(metric, by, COLUMNS_MOST)
    }

    /// The same, of which so many columns of time are kept.
    pub fn with_columns(metric: &str, by: &[String], columns: usize) -> Self {
        Self {
            metric: metric.to_owned(),
            by: by.to_owned(),
            places: HashMap::new(),
            groups: Vec::new(),
            key: String::new(),
            columns,
        }
    }

    /// One more point, with the values of the fields by which it is told apart.
    ///
    /// # Errors
    ///
    /// If it is of one group too many.
    pub fn add(&mut self, group: &[Option<&str>], point: Point) -> Result<(), TooManyGroups> {
        self.key.clear();
        for value in group {
            // The length says where a value ends, whatever stands in it.
            let _ = match value {
                Some(value) => write!(self.key, "{}:{value}", value.len()),
                None => write!(self.key, "-"),
            };
        }
        let place = match self.places.get(&self.key) {
            Some(place) => *place,
            None => self.begin(group)?,
        };
        if let Some((_, columns)) = self.groups.get_mut(place) {
            columns.add(point);
        }
        Ok(())
    }

    fn begin(&mut self, group: &[Option<&str>]) -> Result<usize, TooManyGroups> {
        if self.groups.len() == GROUPS_MOST {
            return Err(TooManyGroups {
                metric: self.metric.clone(),
                by: self.by.join(", "),
            });
        }
        let values = group.iter().map(|value| value.map(str::to_owned));
        let group = self.by.iter().cloned().zip(values).collect();
        self.groups.push((Group(group), Columns::new(self.columns)));
        let place = self.groups.len() - 1;
        self.places.insert(self.key.clone(), place);
        Ok(place)
    }

    /// A series for each group, by its values. Points further apart than `gap_ms` have a gap between them.
    pub fn finish(self, gap_ms: Option<i64>) -> Vec<Series> {
        let metric = self.metric;
        let mut groups = self.groups;
        groups.sort_by(|(one, _), (other, _)| one.0.cmp(&other.0));
        let series = groups.into_iter().map(|(group, columns)| {
            let (points, anomalies, count) = columns.finish(gap_ms);
            Series {
                metric: metric.clone(),
                group,
                points,
                anomalies,
                count,
            }
        });
        series.collect()
    }
}
