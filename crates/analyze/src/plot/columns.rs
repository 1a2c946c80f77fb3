//! Many points become few while they come, and the picture stays the same.
//!
//! Time is cut into columns. Of each the first and the last, the least and the greatest point are kept, and the extreme
//! anomalies: a line through those looks as one through all, once a column is no wider than what can be seen. A column
//! is a millisecond wide at first. Whenever there are too many, two become one, so memory is bounded whatever comes,
//! in which order ever.

use std::collections::BTreeMap;

use super::series::{Count, Point, is_on_calendar};

/// So many columns are kept of a series in a picture.
pub const COLUMNS_MOST: usize = 2_048;
/// So many anomalies are kept of a series, besides those in the columns.
pub const ANOMALIES_MOST: usize = 100;

/// The points of a series, as columns.
#[derive(Debug)]
pub struct Columns {
    most: usize,
    width_ms: i64,
    columns: BTreeMap<i64, Column>,
    /// Those with the highest scores.
    anomalies: Vec<Point>,
    count: Count,
}

impl Columns {
    /// So many at most.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            width_ms: 1,
            columns: BTreeMap::new(),
            anomalies: Vec::new(),
            count: Count::default(),
        }
    }

    /// One more point, whenever it was.
    pub fn add(&mut self, point: Point) {
        if !is_on_calendar(point.time_ms) {
            self.count.missing += 1;
            return;
        }
        let point = point.drawable();
        match point.value {
            Some(_) => self.count.values += 1,
            None => self.count.missing += 1,
        }
        if point.is_anomaly() {
            self.count.anomalies += 1;
            self.anomalies.push(point);
            if self.anomalies.len() >= 2 * ANOMALIES_MOST {
                self.keep_worst();
            }
        }
        let column = point.time_ms.div_euclid(self.width_ms);
        self.columns.entry(column).or_default().add(point);
        while self.columns.len() > self.most {
            self.widen();
        }
    }

    fn keep_worst(&mut self) {
        let score = |point: &Point| point.score.unwrap_or_default();
        self.anomalies
            .sort_by(|one, other| score(other).total_cmp(&score(one)));
        self.anomalies.truncate(ANOMALIES_MOST);
    }

    /// Two columns become one.
    fn widen(&mut self) {
        self.width_ms *= 2;
        for (_, column) in std::mem::take(&mut self.columns) {
            for point in column.points() {
                let into = point.time_ms.div_euclid(self.width_ms);
                self.columns.entry(into).or_default().add(point);
            }
        }
    }

    /// What is to be drawn, in the order of time; the anomalies with the highest scores; and how many there were.
    ///
    /// Points further apart than `gap_ms` have a gap between them.
    pub fn finish(mut self, gap_ms: Option<i64>) -> (Vec<Point>, Vec<Point>, Count) {
        self.keep_worst();
        self.anomalies.sort_by_key(|point| point.time_ms);
        let gap_ms = gap_ms.map(|gap_ms| gap_ms.max(2 * self.width_ms));
        let mut points = Vec::<Point>::new();
        for point in self.columns.values().flat_map(Column::points) {
            if let (Some(before), Some(gap_ms)) = (points.last(), gap_ms)
                && point.time_ms - before.time_ms > gap_ms
            {
                let between = before.time_ms.midpoint(point.time_ms);
                points.push(Point {
                    time_ms: between,
                    ..Point::default()
                });
            }
            points.push(point);
        }
        (points, self.anomalies, self.count)
    }
}

#[derive(Debug, Default)]
struct Column {
    /// A point without a value.
    missing: Option<Point>,
    kept: Option<Kept>,
}

#[derive(Debug)]
struct Kept {
    first: Point,
    last: Point,
    least: Point,
    greatest: Point,
    /// The least and the greatest anomaly.
    anomalies: Option<(Point, Point)>,
}

impl Column {
    fn add(&mut self, point: Point) {
        let anomalies = point.is_anomaly().then_some((point, point));
        match &mut self.kept {
            _ if point.value.is_none() => self.missing = self.missing.or(Some(point)),
            Some(kept) => kept.add(point),
            kept => {
                *kept = Some(Kept {
                    first: point,
                    last: point,
                    least: point,
                    greatest: point,
                    anomalies,
                });
            }
        }
    }

    /// In the order of time. A gap that is narrower than a column can't be seen.
    fn points(&self) -> Vec<Point> {
        let Some(kept) = &self.kept else {
            return self.missing.into_iter().collect();
        };
        let ends = [kept.first, kept.least, kept.greatest, kept.last];
        let anomalies = kept.anomalies.into_iter();
        let anomalies = anomalies.flat_map(|(least, greatest)| [least, greatest]);
        let mut points = ends.into_iter().chain(anomalies).collect::<Vec<_>>();
        points.sort_by_key(|point| point.time_ms);
        points.dedup();
        points
    }
}

impl Kept {
    fn add(&mut self, point: Point) {
        if point.time_ms < self.first.time_ms {
            self.first = point;
        }
        if point.time_ms >= self.last.time_ms {
            self.last = point;
        }
        if point.value < self.least.value {
            self.least = point;
        }
        if point.value > self.greatest.value {
            self.greatest = point;
        }
        if point.is_anomaly() {
            let (least, greatest) = self.anomalies.get_or_insert((point, point));
            if point.value < least.value {
                *least = point;
            }
            if point.value > greatest.value {
                *greatest = point;
            }
        }
    }
}
