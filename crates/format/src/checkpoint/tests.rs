use super::*;
use crate::mark::Tail;
use crate::position::Position;
use crate::record::NextOffset;

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
fn v1() -> String {
    let inner = V1.split_once(r#""checkpoint":"#).expect("an object").1;
    let inner = inner.strip_suffix("}\n").expect("an end");
    V1.replace("xxh3:CHECKSUM", &checksum(inner.as_bytes()))
}

fn checkpoint() -> Checkpoint {
    let position = |next, epoch| Position {
        next: NextOffset::new(next),
        epoch,
    };
    let progress = Progress {
        positions: [(0, position(7, None)), (1, position(12, Some(4)))].into(),
        records: 19,
        segments: vec![Segment {
            id: FileId {
                inode: 3,
                born: None,
            },
            mark: Tail::default().mark(0),
        }],
        gaps: Tail::default().mark(0),
    };
    Checkpoint {
        identity: Identity {
            archive: "a".into(),
            file: "a.ndjson".into(),
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
fn a_checkpoint_of_the_first_format_is_taken_up() {
    assert_eq!(decode(v1().as_bytes()), Ok(checkpoint()));
}

#[test]
fn a_checkpoint_is_read_as_it_was_stored() {
    let stored = encode(&checkpoint()).expect("can be encoded");
    assert_eq!(decode(&stored), Ok(checkpoint()));
    assert!(stored.starts_with(br#"{"format":2,"checksum":"xxh3:"#));
}

#[test]
fn a_checkpoint_of_either_format_with_any_byte_changed_is_refused() {
    for stored in [stored(), v1().into_bytes()] {
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
        decode(&envelope(Format::V2, inner).expect("can be encoded"))
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
    for open in ["[", "{\"format\":", "{\"format\":2,\"checkpoint\":"] {
        let bytes = open.repeat(1_000_000).into_bytes();
        assert!(decode(&bytes).is_err());
    }
}

#[test]
fn a_newer_format_is_told_from_damage() {
    let stored = String::from_utf8(stored()).expect("text");
    let newer = stored.replacen("\"format\":2", "\"format\":3,\"new\":[{}]", 1);
    assert_eq!(decode(newer.as_bytes()), Err(Unusable::Newer(3)));
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
    let stored = decode(line.as_bytes()).expect("a checkpoint");
    assert_eq!(encode(&stored).expect("can be encoded"), line.as_bytes());
}
