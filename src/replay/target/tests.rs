use super::*;

const NOW: i64 = 1_700_000_000_000;
const HOUR: i64 = 3_600_000;

fn topic(partitions: i32) -> Result<Topic, KafkaError> {
    Ok(Topic {
        id: None,
        partitions,
        cluster_id: None,
    })
}

const KEEP: Manner = Manner {
    keeps_timestamps: true,
    keeps_partitions: true,
};
const NEW: Manner = Manner {
    keeps_timestamps: false,
    keeps_partitions: false,
};

fn config(pairs: &[(&str, &str)]) -> Config {
    let pairs = pairs.iter();
    pairs.map(|&(k, v)| (k.into(), v.into())).collect()
}

/// What is said of these records, sent as they are to a topic of this configuration.
fn said(pairs: &[(&str, &str)], records: &Records) -> Vec<Verdict> {
    verdicts("t", &topic(3), Some(&config(pairs)), records, KEEP, NOW)
}

/// Records from so many milliseconds ago to so many.
fn ago(oldest: i64, newest: i64) -> Records {
    Records {
        oldest_ms: Some(NOW - oldest),
        newest_ms: Some(NOW - newest),
        ..Records::default()
    }
}

#[test]
fn a_topic_that_is_not_there_is_an_error_that_says_how_to_make_it() {
    let error = |kind| {
        let text = "said".into();
        Err(KafkaError { kind, text })
    };
    let said = |kind| verdicts("t", &error(kind), None, &Records::default(), NEW, NOW);
    let missing = "topic t doesn't exist; --create-topics makes it".to_owned();
    assert_eq!(said(Trouble::Missing), [Verdict::Error(missing)]);
    let denied = "asking about topic t: said".to_owned();
    assert_eq!(said(Trouble::Denied), [Verdict::Error(denied)]);
}

#[test]
fn records_that_would_go_back_to_where_they_come_from_are_warned_of() {
    let described = |id: &str| {
        topic(3).map(|topic| Topic {
            id: Some(id.into()),
            ..topic
        })
    };
    let records = Records {
        topic_ids: vec!["one".into()],
        ..Records::default()
    };
    let said = |described| verdicts("t", &described, None, &records, NEW, NOW);
    let [Verdict::Warning(warning)] = &said(described("one"))[..] else {
        panic!("nothing, or something else");
    };
    assert!(warning.contains("--topic-map"), "{warning}");
    assert_eq!(said(described("another")), []);
    assert_eq!(said(topic(3)), []);
}

#[test]
fn partitions_that_are_missing_matter_only_where_they_are_kept() {
    let said = |partitions, manner| {
        let records = Records {
            partitions: Some(partitions),
            ..Records::default()
        };
        verdicts("t", &topic(3), None, &records, manner, NOW)
    };
    assert_eq!(said(3, KEEP), []);
    assert_eq!(said(8, NEW), []);
    let expected = "topic t has 3 partitions, and there are records of partition 7, which --partition keep sends to a \
                    partition of that number; add partitions up to 8, or use --partition key or spread";
    assert_eq!(said(8, KEEP), [Verdict::Error(expected.into())]);
}

/// Whether a warning or an error is said, and a part of it.
enum Said {
    Nothing,
    Warning(&'static str),
    Error(&'static str),
}

type Row = (&'static [(&'static str, &'static str)], Records, Said);

/// How timestamps are limited, records, and what is said of them.
fn by_timestamps() -> Vec<Row> {
    use Said::{Error, Nothing, Warning};
    const DAY: (&str, &str) = ("retention.ms", "86400000");
    const DELETE: (&str, &str) = ("cleanup.policy", "delete");
    const BEFORE: (&str, &str) = ("message.timestamp.before.max.ms", "3600000");
    const AFTER: (&str, &str) = ("message.timestamp.after.max.ms", "3600000");
    const OLD: (&str, &str) = ("message.timestamp.difference.max.ms", "3600000");
    const UNBOUND: (&str, &str) = ("message.timestamp.before.max.ms", "9223372036854775807");
    let all_deleted = "has retention.ms=86400000 (24h), and all records are older (from 2023-11-12T22:13:20Z): the broker \
                       would delete them within minutes; use --timestamps shift or now, or set it higher";
    let one_known = Records {
        newest_ms: None,
        ..ago(48 * HOUR, 0)
    };
    let none_known = Records::default();
    vec![
        (
            &[DAY, DELETE],
            ago(48 * HOUR, 30 * HOUR),
            Error(all_deleted),
        ),
        (
            &[DAY, DELETE],
            ago(48 * HOUR, HOUR),
            Warning("some records are older"),
        ),
        (&[DAY, DELETE], one_known, Warning("some records are older")),
        (&[DAY, DELETE], none_known, Nothing),
        (&[DAY, DELETE], ago(HOUR, 0), Nothing),
        (
            &[DAY, ("cleanup.policy", "compact")],
            ago(48 * HOUR, 30 * HOUR),
            Nothing,
        ),
        (
            &[DAY, ("cleanup.policy", "compact,delete")],
            ago(48 * HOUR, 30 * HOUR),
            Error("would delete"),
        ),
        (
            &[("retention.ms", "-1"), DELETE],
            ago(NOW, 30 * HOUR),
            Nothing,
        ),
        (
            &[("retention.ms", "a lot"), DELETE],
            ago(NOW, 30 * HOUR),
            Nothing,
        ),
        (
            &[BEFORE],
            ago(3 * HOUR, 2 * HOUR),
            Error("before.max.ms=3600000 (1h), and all records are older"),
        ),
        (
            &[BEFORE],
            ago(3 * HOUR, 0),
            Warning("some records are older"),
        ),
        (&[BEFORE], ago(HOUR, 0), Nothing),
        (&[UNBOUND], ago(NOW, NOW), Nothing),
        (
            &[UNBOUND, OLD],
            ago(3 * HOUR, 2 * HOUR),
            Error("difference.max.ms=3600000 (1h)"),
        ),
        (&[AFTER], ago(0, -HOUR), Nothing),
        (
            &[AFTER],
            ago(0, -2 * HOUR),
            Warning("some records are further ahead (up to 2023-11-15T00:13:20Z)"),
        ),
        (
            &[AFTER],
            ago(-2 * HOUR, -3 * HOUR),
            Error("all records are further ahead"),
        ),
        (
            &[OLD],
            ago(0, -2 * HOUR),
            Warning("difference.max.ms=3600000 (1h), and some records are further ahead"),
        ),
        (
            &[DAY, DELETE, BEFORE],
            ago(48 * HOUR, 30 * HOUR),
            Error("refuses them, and what is in a batch"),
        ),
        (
            &[
                ("message.timestamp.type", "LogAppendTime"),
                DAY,
                DELETE,
                BEFORE,
                AFTER,
            ],
            ago(48 * HOUR, -48 * HOUR),
            Warning(
                "topic t has message.timestamp.type=LogAppendTime: the broker replaces the timestamps",
            ),
        ),
    ]
}

#[test]
fn timestamps_that_a_topic_limits_are_told_with_the_limit() {
    for (number, (pairs, records, expected)) in by_timestamps().into_iter().enumerate() {
        let said = said(pairs, &records);
        let is_as_expected = match (expected, said.as_slice()) {
            (Said::Nothing, []) => true,
            (Said::Warning(part), [Verdict::Warning(text)])
            | (Said::Error(part), [Verdict::Error(text)]) => text.contains(part),
            _ => false,
        };
        assert!(is_as_expected, "row {number}: {said:?}");
        // With other timestamps none of it matters.
        let config = config(pairs);
        let anew = verdicts("t", &topic(3), Some(&config), &records, NEW, NOW);
        assert_eq!(anew, [], "row {number}");
    }
}

#[test]
fn records_without_a_key_are_refused_where_only_the_last_of_each_key_is_kept() {
    let said = |policy, keyless| {
        let records = Records {
            keyless,
            ..Records::default()
        };
        said(&[("cleanup.policy", policy)], &records)
    };
    assert_eq!(said("delete", Share::All), []);
    assert_eq!(said("compact", Share::None), []);
    assert!(matches!(
        &said("compact", Share::All)[..],
        [Verdict::Error(_)]
    ));
    let expected = "topic t has cleanup.policy=compact,delete, and some records have no key: the broker refuses them, and \
                    what is in a batch with them; set it to delete, or send to another topic";
    let some = said("compact,delete", Share::Some);
    assert_eq!(some, [Verdict::Warning(expected.into())]);
}

#[test]
fn a_record_that_is_larger_than_the_topic_takes_is_a_warning() {
    let said = |bytes| {
        let records = Records {
            largest_bytes: Some(bytes),
            ..Records::default()
        };
        said(&[("max.message.bytes", "1000")], &records)
    };
    assert_eq!(said(1000), []);
    let expected = "topic t has max.message.bytes=1000, and the largest record has 1001 bytes: unless it is compressed to \
                    less, the broker refuses it; set it higher, or use --compression zstd";
    assert_eq!(said(1001), [Verdict::Warning(expected.into())]);
}

#[test]
fn a_batch_is_no_larger_than_the_topic_takes() {
    assert_eq!(
        batch_bytes(&config(&[("max.message.bytes", "1000")])),
        Some(1000)
    );
    assert_eq!(batch_bytes(&config(&[])), None);
}
