use std::io::{BufReader, Cursor};

use archiver_format::envelope::{Envelope, ValueAs};
use archiver_format::record::{Header, Record, Timestamp, TimestampKind};
use jiff::tz::TimeZone;

use super::*;
use crate::replay::Outgoing;

const NEW_YEAR: i128 = 1_609_459_200;
const SECOND: i128 = 1_000_000_000;

fn input(text: &[u8], wanted: &Wanted) -> Result<Box<dyn Input>, String> {
    let bytes = BufReader::with_capacity(7, Cursor::new(text.to_vec()));
    let input = file(Lines::new(Box::new(bytes)), "f".into(), "f".into(), wanted);
    input.map_err(|error| error.to_string())
}

fn all(input: &mut dyn Input) -> Result<Vec<Outgoing>, String> {
    let mut records = Vec::new();
    while let Some(record) = input.next().map_err(|error| error.to_string())? {
        records.push(record);
    }
    Ok(records)
}

/// The times since the new year, in seconds, the keys and the values.
fn shown(text: &str, wanted: &Wanted) -> Result<Vec<(f64, Option<String>, String)>, String> {
    let mut input = input(text.as_bytes(), wanted)?;
    let records = all(&mut *input)?.into_iter().map(|record| {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        let since = (record.time_ns - NEW_YEAR * SECOND) as f64 / 1e9;
        let value = record.value.expect("a value");
        (since, record.key.map(text), text(value))
    });
    Ok(records.collect())
}

fn values(text: &str, wanted: &Wanted) -> Vec<String> {
    let rows = shown(text, wanted).unwrap_or_else(|error| panic!("{error}"));
    rows.into_iter().map(|(_, _, value)| value).collect()
}

fn said(text: &str, wanted: &Wanted) -> String {
    shown(text, wanted).expect_err("is refused")
}

fn typed(typed: TypedAs) -> Wanted {
    Wanted {
        typed,
        ..Wanted::default()
    }
}

fn on_bad(on_bad: OnBad) -> Wanted {
    Wanted {
        on_bad,
        ..Wanted::default()
    }
}

#[test]
fn a_line_of_json_is_sent_as_it_stands_at_the_time_of_a_field() {
    let text = "{\"a\": 1.10, \"ts\":1609459200 }\r\n\n{\"ts\":\"1609459204.5\",\"a\":\"\\u00e4\"}";
    let found = shown(text, &Wanted::default()).expect("can be read");
    let expected = [
        (0.0, None, "{\"a\": 1.10, \"ts\":1609459200 }".to_owned()),
        (
            4.5,
            None,
            "{\"ts\":\"1609459204.5\",\"a\":\"\\u00e4\"}".to_owned(),
        ),
    ];
    assert_eq!(found, expected);
    let described = input(text.as_bytes(), &Wanted::default())
        .expect("opens")
        .description();
    assert_eq!(
        described,
        "f: NDJSON, with times (seconds since 1970) in the field ts"
    );
}

#[test]
fn a_field_may_be_typed_and_lie_within_another() {
    let text = "{\"ts\":\"x\",\"meta\":{\"ts\":\"2021-01-01 01:00:00\",\"id\":7}}\n";
    let wanted = typed(TypedAs {
        time_field: Some("meta.ts".into()),
        key: Some("meta.id".into()),
        timezone: TimeZone::get("Europe/Berlin").expect("a zone"),
        ..TypedAs::default()
    });
    let found = shown(text, &wanted).expect("can be read");
    assert_eq!((found[0].0, found[0].1.as_deref()), (0.0, Some("7")));
    let said = said(text, &Wanted::default());
    assert!(
        said.starts_with("f: line 1: no time in timestamp, time, ts, @timestamp; "),
        "{said}"
    );
    assert!(said.ends_with("(there are meta, ts)"), "{said}");
}

#[test]
fn a_table_becomes_objects_whose_cells_keep_their_types() {
    let text = "id,Timestamp,ok,note\n1,1609459200,true,\"a, b\"\n007,1609459204,,\n";
    let found = shown(text, &Wanted::default()).expect("can be read");
    let values = [
        r#"{"id":1,"Timestamp":1609459200,"ok":true,"note":"a, b"}"#,
        r#"{"id":"007","Timestamp":1609459204,"ok":null,"note":null}"#,
    ];
    assert_eq!(
        found.iter().map(|row| row.0).collect::<Vec<_>>(),
        [0.0, 4.0]
    );
    assert!(found.iter().map(|row| row.2.as_str()).eq(values));
    let keyed = typed(TypedAs {
        key: Some("note".into()),
        ..TypedAs::default()
    });
    let keys = shown(text, &keyed).expect("can be read").into_iter();
    assert!(keys.map(|row| row.1).eq([Some("a, b".to_owned()), None]));
    assert_eq!(shown("", &Wanted::default()), Ok(vec![]));
    assert_eq!(shown("\n\n", &Wanted::default()), Ok(vec![]));
    assert_eq!(shown("timestamp,value\n", &Wanted::default()), Ok(vec![]));
}

#[test]
fn the_column_with_the_time_is_found_or_named() {
    for (text, value) in [
        ("v\tday\n1\t2021-01-01\n", r#"{"v":1,"day":"2021-01-01"}"#),
        ("v;at\n1;1609459200\n", r#"{"v":1,"at":1609459200}"#),
        ("1,1609459200\n", r#"{"column1":1,"column2":1609459200}"#),
        ("1609459200\n", r#"{"column1":1609459200}"#),
    ] {
        assert_eq!(values(text, &Wanted::default()), [value], "{text}");
    }
    let text = "second,value\n0,1\n4,2\n";
    let refused = said(text, &Wanted::default());
    assert!(
        refused.ends_with("name it with --time-field (there are second, value)"),
        "{refused}"
    );
    let named = |name: &str| {
        typed(TypedAs {
            time_field: Some(name.into()),
            ..TypedAs::default()
        })
    };
    assert_eq!(values(text, &named("second")).len(), 2);
    assert_eq!(values("0,1\n4,2\n", &named("column1")).len(), 2);
    let refused = said(text, &named("x"));
    assert_eq!(refused, "f: it has no column x; there are second, value");
}

#[test]
fn a_pair_is_a_time_as_it_stands_and_its_value() {
    let pair = typed(TypedAs {
        shape: Shape::Pair,
        ..TypedAs::default()
    });
    let text = "timestamp,value\n2021-01-01 00:00:00,1.50\n2021-01-01 00:00:04,\n";
    assert_eq!(
        values(text, &pair),
        [
            r#"{"2021-01-01 00:00:00":1.50}"#,
            r#"{"2021-01-01 00:00:04":null}"#
        ]
    );
    let refused = said("timestamp,a,b\n1,2,3\n", &pair);
    assert!(
        refused.contains("is for a table of two columns"),
        "{refused}"
    );
}

#[test]
fn a_row_that_can_not_be_used_stops_is_left_out_or_is_sent_as_it_is() {
    for (text, place, raw) in [
        (
            "ts,v\n1,a\nx,b\n3,c\n",
            "f, line 3, column ts: \"x\" is no time",
            "x,b",
        ),
        (
            "ts,v\n1,a\n\"x\ny\",b\n3,c\n",
            "f, line 3, column ts: ",
            "\"x\ny\",b",
        ),
        (
            "ts,v\n1,a\n2\n3,c\n",
            "f, line 3: it has 1 cells, where there are 2 columns",
            "2",
        ),
        (
            "{\"ts\":1}\n\n{\"ts\":\"x\"}\n{\"ts\":3}\n",
            "f, line 3, field ts: ",
            "{\"ts\":\"x\"}",
        ),
        (
            "{\"ts\":1}\nx\n{\"ts\":3}\n",
            "f, line 2: it is no JSON object: ",
            "x",
        ),
        (
            "{\"ts\":1}\n{}\n{\"ts\":3}\n",
            "f, line 2, field ts: it isn't there",
            "{}",
        ),
    ] {
        let stopped = said(text, &on_bad(OnBad::Stop));
        assert!(stopped.starts_with(place), "{stopped}");
        assert!(stopped.contains("--on-bad skip"), "{stopped}");
        let mut skips = input(text.as_bytes(), &on_bad(OnBad::Skip)).expect("opens");
        assert_eq!(all(&mut *skips).expect("can be read").len(), 2, "{text}");
        assert_eq!((skips.skipped(), skips.sent_raw()), (1, 0));
        let mut sends = input(text.as_bytes(), &on_bad(OnBad::SendRaw)).expect("opens");
        let sent = all(&mut *sends).expect("can be read");
        assert_eq!((sends.skipped(), sends.sent_raw()), (0, 1));
        assert_eq!(sent.len(), 3);
        assert_eq!(sent[1].value.as_deref(), Some(raw.as_bytes()));
        assert_eq!(sent[1].time_ns, sent[0].time_ns);
    }
    let first = said("ts,v\nx,1\n", &on_bad(OnBad::SendRaw));
    assert!(
        first.contains("no row before it says at which time"),
        "{first}"
    );
    let skipped = shown(
        "x\n{\"ts\":1}\n",
        &Wanted {
            format: Some(FileFormat::Ndjson),
            ..on_bad(OnBad::Skip)
        },
    );
    assert_eq!(skipped.expect("can be read").len(), 1);
}

#[test]
fn rows_outside_of_the_window_are_left_out() {
    let window = Wanted {
        since_ms: Some(2_000),
        until_ms: Some(4_000),
        ..Wanted::default()
    };
    let text = "ts,v\n1,a\n2,b\n3.999,c\n4,d\n";
    assert_eq!(
        values(text, &window),
        [r#"{"ts":2,"v":"b"}"#, r#"{"ts":3.999,"v":"c"}"#]
    );
}

#[test]
fn lines_that_are_records_come_back_with_all_that_they_have() {
    let headers: Vec<Header<'_>> = vec![
        (b"h"[..].into(), None),
        (b"h"[..].into(), Some(b"\xff"[..].into())),
    ];
    let record = |offset, value| Record {
        partition: 3,
        offset,
        value,
        timestamp: Some(Timestamp {
            ms: 1_609_459_200_123,
            kind: TimestampKind::Create,
        }),
        key: Some(b"\xfe"),
        headers: Some(&headers),
        ..Record::default()
    };
    let mut lines = Vec::new();
    let mut encoder = Envelope::new("t", ValueAs::Json);
    for (offset, value) in [(1, Some(&b"{\"a\":1}"[..])), (2, None), (3, Some(b""))] {
        encoder
            .encode(&record(offset, value), &mut lines)
            .expect("encodes");
    }
    let mut input = input(&lines, &Wanted::default()).expect("opens");
    assert_eq!(input.topic(), "t");
    let expected = |value: Option<&[u8]>| Outgoing {
        time_ns: 1_609_459_200_123_000_000,
        partition: Some(3),
        key: Some(b"\xfe".to_vec()),
        value: value.map(<[u8]>::to_vec),
        headers: vec![
            (b"h".to_vec(), None),
            (b"h".to_vec(), Some(b"\xff".to_vec())),
        ],
    };
    let values = [Some(&b"{\"a\":1}"[..]), None, Some(b"")];
    assert_eq!(all(&mut *input).expect("can be read"), values.map(expected));
    let text = String::from_utf8(lines).expect("text");
    // Whoever names the field wants the lines themselves.
    let plain = typed(TypedAs {
        time_field: Some("timestamp".into()),
        ..TypedAs::default()
    });
    assert!(self::values(&text, &plain).into_iter().eq(text.lines()));
    let other = text.replacen("\"t\"", "\"u\"", 1);
    let refused = said(&other, &Wanted::default());
    assert!(refused.contains("f, line 2: it is of the topic t, where the first line is of u"));
}

#[test]
fn a_quote_that_is_never_closed_is_said_with_the_line_that_it_begins_in() {
    for (text, line) in [
        ("ts,v\n1,a\n2,\"b\n3,c\n4,d\n", "line 3"),
        ("ts,v\n1,a\n2,\"b\n3,c\n4,d", "line 3"),
        ("ts,v\n1,a\n2,\"b \"\"c\"\"\n3,c\n", "line 3"),
        ("ts,v\n1,a\n2,\"b\nb\"\n3,\"c", "line 5"),
        ("ts,v\n1,\"", "line 2"),
        ("ts,\"v\n1,2\n", "line 1"),
    ] {
        for on_bad in [OnBad::Stop, OnBad::Skip, OnBad::SendRaw] {
            let said = said(text, &self::on_bad(on_bad));
            let expected = format!("f: {line}: a quote is opened that is not closed");
            assert!(said.starts_with(&expected), "{text}: {said}");
        }
    }
    for text in ["ts,v\n1,a\"\n", "ts,v\n1,\"a\nb\"", "ts,v\n1,\"\"\"\""] {
        assert_eq!(values(text, &Wanted::default()).len(), 1, "{text}");
    }
    let swallowed = said("ts,v\n1,\"a\n2,\"b\"\n3,c\n", &Wanted::default());
    let why = "f, line 2: ";
    assert!(swallowed.starts_with(why), "{swallowed}");
}

#[test]
fn a_quote_that_is_forgotten_in_a_large_file_is_found_without_reading_all_of_it() {
    let rows = "2,some text that is long enough to fill much of the room\n".repeat(400_000);
    let said = said(&format!("ts,v\n1,\"a\n{rows}"), &Wanted::default());
    assert!(said.starts_with("f: line 2: a quote is opened"), "{said}");
}

#[test]
fn a_message_numbers_a_line_once_and_names_a_column_once() {
    let broken = said("{\"ts\":1}\n{\"ts\":}\n", &Wanted::default());
    assert!(
        broken.starts_with("f, line 2: it is no JSON object: "),
        "{broken}"
    );
    assert!(
        broken.contains(" at byte ") && broken.matches("line").count() == 1,
        "{broken}"
    );
    let absent = said("{\"ts\":1}\n{\"a\":1,\"b\":2}\n", &Wanted::default());
    assert!(
        absent.contains("field ts: it isn't there (there are a, b)"),
        "{absent}"
    );
    let nameless = said("1600000000,1\nx,2\n", &Wanted::default());
    assert!(nameless.starts_with("f, line 2, column 1: "), "{nameless}");
}

#[test]
fn what_is_no_text_is_said_to_be_none() {
    for (bytes, expected) in [
        (&b"\x7fELF\x02\x00\x00\n"[..], "reading f: it is binary"),
        (b"PAR1\x15\x04\x00", "reading f: it is binary"),
    ] {
        let said = input(bytes, &Wanted::default()).err().expect("is refused");
        assert!(said.starts_with(expected), "{said}");
    }
    let utf_16 = open::plain(Cursor::new(b"\xff\xfet\0s\0".to_vec()));
    let said = utf_16.err().expect("is refused").to_string();
    assert!(said.contains("iconv -f UTF-16"), "{said}");
}

#[test]
fn compressed_data_that_ends_in_the_middle_is_said_to_be_cut_off() {
    use archiver_format::compression::{Compression, compress};
    let rows =
        (0..50_000_u64).map(|at| format!("{},{}\n", 1_600_000_000 + at, at * 7_919 % 10_007));
    let text = format!("ts,v\n{}", rows.collect::<String>());
    for how in [Compression::Gzip(1), Compression::Zstd(1)] {
        let mut bytes = compress(text.clone().into(), how).expect("compresses");
        bytes.truncate(bytes.len() / 2);
        let lines = Lines::new(open::plain(Cursor::new(bytes)).expect("begins well"));
        let input = file(lines, "f".into(), "f".into(), &Wanted::default());
        let ended = input.map_err(|error| error.to_string());
        let said = ended
            .and_then(|mut input| all(&mut *input))
            .expect_err("is cut off");
        assert!(
            said.contains("its compressed data ends in the middle"),
            "{how:?}: {said}"
        );
    }
}
