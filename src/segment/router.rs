//! The router: which way each record goes, by its partition and its time.

use std::collections::HashMap;

use archiver_format::record::Record;
use archiver_format::segment::{Route, RouteTime};
use archiver_format::template::{Bucket, Buckets, Template};

/// Finds the route of each record. Records whose paths are the same but for the segment's number go one way.
pub struct Router {
    by_partition: bool,
    times: Option<Times>,
}

/// The times in paths.
struct Times {
    buckets: Buckets,
    /// The time of a bucket's routes, the same for as long as the program runs.
    of: HashMap<Bucket, RouteTime>,
    last: Option<(Bucket, RouteTime)>,
}

/// More buckets than an archive has segments open for writing; the times of others may be forgotten.
const BUCKETS_MAX: usize = 4096;

impl Router {
    /// The router of these paths; records go on in the segments of these routes, which are open.
    pub fn new(template: &Template, open: impl Iterator<Item = Route>) -> Self {
        let times = template.by_time().then(|| {
            let mut times = Times {
                buckets: template.buckets(),
                of: HashMap::new(),
                last: None,
            };
            for time in open.filter_map(|route| route.time) {
                let bucket = times.buckets.of(ms(time));
                times.of.entry(bucket).or_insert(time);
            }
            times
        });
        Self {
            by_partition: template.by_partition(),
            times,
        }
    }

    /// The way of a record.
    #[inline]
    pub fn route(&mut self, record: &Record<'_>) -> Route {
        Route {
            partition: self.by_partition.then_some(record.partition),
            time: self
                .times
                .as_mut()
                .map(|times| times.of(record.timestamp_ms())),
        }
    }
}

impl Times {
    #[inline]
    fn of(&mut self, time_ms: Option<i64>) -> RouteTime {
        let bucket = self.buckets.of(time_ms);
        match self.last {
            Some((last, time)) if last == bucket => time,
            _ => self.find(bucket, time_ms),
        }
    }

    #[cold]
    fn find(&mut self, bucket: Bucket, time_ms: Option<i64>) -> RouteTime {
        if self.of.len() >= BUCKETS_MAX {
            self.of.clear();
        }
        let known = self.of.entry(bucket);
        let time = *known.or_insert_with(|| match time_ms {
            Some(ms) if ms >= 0 => RouteTime::As(ms),
            _ => RouteTime::Unknown,
        });
        self.last = Some((bucket, time));
        time
    }
}

/// A time of the route.
fn ms(time: RouteTime) -> Option<i64> {
    match time {
        RouteTime::As(ms) => Some(ms),
        RouteTime::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(partition: i32, ms: i64) -> Record<'static> {
        use archiver_format::record::{Timestamp, TimestampKind};
        let kind = TimestampKind::Create;
        Record {
            partition,
            timestamp: (ms >= 0).then_some(Timestamp { ms, kind }),
            ..Record::default()
        }
    }

    #[test]
    fn records_whose_paths_are_the_same_go_one_way_also_after_a_restart() {
        let template = Template::parse("{partition}-{time:%Y-%m-%d}-{seq}").expect("a template");
        let mut router = Router::new(&template, std::iter::empty());
        let day = 86_400_000;
        let mut route = |partition, ms| router.route(&record(partition, ms));
        let first = route(0, day + 5);
        assert_eq!(route(0, day + 9), first);
        assert_ne!(route(1, day + 5), first);
        assert_ne!(route(0, 2 * day), first);
        assert_ne!(route(0, -1), first);
        let mut router = Router::new(&template, std::iter::once(first));
        assert_eq!(router.route(&record(0, day + 77)), first);
    }

    #[test]
    fn without_partition_and_time_all_records_go_one_way() {
        let template = Template::parse("a/{seq:06}.ndjson").expect("a template");
        let mut router = Router::new(&template, std::iter::empty());
        assert_eq!(router.route(&record(3, 7)), Route::default());
    }
}
