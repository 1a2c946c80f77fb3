use super::*;
use crate::contents::Span;
use crate::mark::{FileId, Tail};
use crate::position::Position;
use crate::record::NextOffset;
use crate::segment::RouteTime;

/// What the program before format 2 stored.
const V1: &str = concat!(
    r#"{"format":1,"checksum":"xxh3:CHECKSUM","checkpoint":"#,
    r#"{"identity":{"archive":"a","file":"a.ndjson","compression":"gzip","topic":"t","topic_id":"id","#,
    r#""cluster_id":null},"progress":{"next_offsets":{"0":7,"1":12},"leader_epochs":{"1":4},"records":19,"#,
    r#""data":{"length":0,"fingerprint":"2d06800538d394c2"},"id":{"inode":3,"born":null},"#,
    r#""gaps":{"length":0,"fingerprint":"2d06800538d394c2"}}}}"#,
    "\n"
);

/// With the checksum that fits.
fn older_bytes(older: &str) -> String {
    let inner = older.split_once(r#""checkpoint":"#).expect("an object").1;
    let inner = inner.strip_suffix("}\n").expect("an end");
    older.replace("xxh3:CHECKSUM", &checksum(inner.as_bytes()))
}

/// What the program before format 3 stored.
const V2: &str = concat!(
    r#"{"format":2,"checksum":"xxh3:CHECKSUM","checkpoint":"#,
    r#"{"identity":{"archive":"a","file":"a.ndjson","compression":"gzip","topic":"t","topic_id":"id","#,
    r#""cluster_id":null},"progress":{"positions":{"0":{"next":7},"1":{"next":12,"epoch":4}},"records":19,"#,
    r#""segments":[{"id":{"inode":3,"born":null},"mark":{"length":0,"fingerprint":"2d06800538d394c2"}}],"#,
    r#""gaps":{"length":0,"fingerprint":"2d06800538d394c2"}}}}"#,
    "\n"
);

/// What the newest program takes the two above for.
fn taken_up() -> Checkpoint {
    let mut checkpoint = checkpoint();
    let progress = &mut checkpoint.progress;
    progress.list = List::Gaps(Tail::default().mark(0));
    progress.unnamed.clear();
    progress.deleted.clear();
    progress.next_sequence = 1;
    progress.sealed_bytes = 0;
    let mut first = progress.segments.swap_remove(0);
    first.file.sequence = 0;
    first.file.name = None;
    first.is_growing = false;
    first.route = Route::default();
    (first.opened, first.written, first.index) = (0, 0, None);
    first.contents = Contents::default();
    progress.segments = vec![first];
    checkpoint
}

/// With everything that there can be.
pub(crate) fn checkpoint() -> Checkpoint {
    let position = |next, epoch| Position {
        next: NextOffset::new(next),
        epoch,
    };
    let file = |sequence| SegmentFile {
        sequence,
        name: Some(format!("a-{sequence}.ndjson.gz")),
        id: FileId {
            inode: 3,
            born: None,
        },
    };
    let span = Span {
        first: 7,
        last: 11,
        records: 5,
        earliest: Some(1_000),
        latest: Some(1_999),
        epoch: Some(4),
    };
    let progress = Progress {
        positions: [(0, position(7, None)), (1, position(12, Some(4)))].into(),
        records: 19,
        sealed_bytes: 123,
        next_sequence: 3,
        segments: vec![Segment {
            file: file(2),
            is_growing: true,
            route: Route {
                partition: Some(1),
                time: Some(RouteTime::As(1_000)),
            },
            opened: 2_000,
            written: 3_000,
            mark: Tail::default().mark(0),
            index: Some(Tail::default().mark(0)),
            contents: Contents {
                records: 5,
                plain_bytes: 50,
                uncounted_bytes: 0,
                partitions: [(1, span)].into(),
            },
        }],
        deleted: vec![file(0)],
        unnamed: vec![Unnamed {
            file: file(1),
            mark: Tail::default().mark(0),
        }],
        list: List::Manifest(Tail::default().mark(0)),
    };
    Checkpoint {
        identity: Identity {
            archive: "a".into(),
            file: "a.ndjson".into(),
            format: "raw".into(),
            compression: Algorithm::Gzip,
            topic: "t".into(),
            topic_id: Some("id".into()),
            cluster_id: None,
        },
        verified: None,
        progress,
    }
}

/// With everything that there can be.
fn stored() -> Vec<u8> {
    let checkpoint = checkpoint();
    encode(&Checkpoint {
        verified: Some(checkpoint.progress.clone()),
        ..checkpoint
    })
    .expect("can be encoded")
}

#[test]
fn a_checkpoint_of_an_older_format_is_taken_up() {
    for older in [V1, V2] {
        assert_eq!(decode(older_bytes(older).as_bytes()), Ok(taken_up()));
    }
}

#[test]
fn a_checkpoint_is_read_as_it_was_stored() {
    let stored = encode(&checkpoint()).expect("can be encoded");
    assert_eq!(decode(&stored), Ok(checkpoint()));
    assert!(stored.starts_with(br#"{"format":3,"checksum":"xxh3:"#));
}

#[test]
fn a_checkpoint_of_any_format_with_any_byte_changed_is_refused() {
    let older = [V1, V2].map(|older| older_bytes(older).into_bytes());
    for stored in older.into_iter().chain([stored()]) {
        assert!(decode(&stored).is_ok());
        for at in 0..stored.len() {
            let mut damaged = stored.clone();
            for change in 1..=255 {
                damaged[at] = stored[at] ^ change;
                let shown = String::from_utf8_lossy(&damaged);
                assert!(decode(&damaged).is_err(), "taken: {shown}");
            }
        }
    }
}

#[test]
fn a_checkpoint_cut_short_is_refused() {
    let stored = stored();
    for length in 0..stored.len() {
        assert!(decode(&stored[..length]).is_err());
    }
}

#[test]
fn what_archiver_would_not_write_is_refused_also_with_a_fitting_checksum() {
    let stored = String::from_utf8(stored()).expect("text");
    let inner = stored.split_once("\"checkpoint\":").expect("an object").1;
    let inner = inner.strip_suffix("}\n").expect("an end");
    let sealed = |inner: &str| {
        let inner = RawValue::from_string(inner.to_owned()).expect("JSON");
        decode(&envelope(Format::V3, inner).expect("can be encoded"))
    };
    assert!(sealed(inner).is_ok());
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (is, becomes) in [
        ("\"next\":7", "\"next\":-1"),
        ("\"next\":7", "\"next\":7.0"),
        ("\"next\":7", "\"next\":9223372036854775808"),
        ("\"next\":7", "\"next\":7,\"epoch\":null"),
        ("\"0\":{\"next\":7}", "\"-1\":{\"next\":7}"),
        (
            "\"0\":{\"next\":7}",
            "\"0\":{\"next\":9},\"0\":{\"next\":7}",
        ),
        ("\"0\":{\"next\":7}", "\"2147483648\":{\"next\":7}"),
        ("\"0\":{\"next\":7}", "\"0\": {\"next\":7}"),
        ("\"records\":19", "\"records\":18446744073709551615"),
        ("\"records\":19", "\"records\":19,\"records\":20"),
        ("\"records\":19", "\"records\":19,\"more\":0"),
        ("\"records\":19", &format!("\"records\":19,\"more\":{deep}")),
        ("\"length\":0", "\"length\":1e3"),
        ("\"segments\":[{", "\"segments\":[[],{"),
        ("\"compression\":\"gzip\"", "\"compression\":\"lz4\""),
        ("\"cluster_id\":null", "\"cluster_id\":{}"),
    ] {
        let changed = inner.replacen(is, becomes, 1);
        assert_ne!(changed, inner, "{is}");
        assert!(sealed(&changed).is_err(), "taken: {becomes}");
    }
}

#[test]
fn deep_nesting_is_refused_and_not_followed() {
    for open in ["[", "{\"format\":", "{\"format\":3,\"checkpoint\":"] {
        let bytes = open.repeat(1_000_000).into_bytes();
        assert!(decode(&bytes).is_err());
    }
}

#[test]
fn a_newer_format_is_told_from_damage() {
    let stored = String::from_utf8(stored()).expect("text");
    let newer = stored.replacen("\"format\":3", "\"format\":4,\"new\":[{}]", 1);
    assert_eq!(decode(newer.as_bytes()), Err(Unusable::Newer(4)));
}

#[test]
fn the_documented_example_is_a_checkpoint_of_the_newest_format() {
    let page = include_str!("../../../../docs/reference/formats.md");
    let section = page
        .split_once("## `checkpoint.json`")
        .expect("a section")
        .1;
    let example = section.split_once("```json\n").expect("an example").1;
    let example = example.split_once("```").expect("an end").0;
    // None of its values has a space in it.
    let line = example.split_whitespace().collect::<String>() + "\n";
    let inner = line.split_once(r#""checkpoint":"#).expect("an object").1;
    let inner = inner.strip_suffix("}\n").expect("an end");
    let checksum = checksum(inner.as_bytes());
    assert!(line.contains(&checksum), "its checksum is {checksum}");
    let stored = decode(line.as_bytes()).expect("a checkpoint");
    assert_eq!(encode(&stored).expect("can be encoded"), line.as_bytes());
}
