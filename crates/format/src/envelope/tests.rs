use super::*;
use crate::record::{Header, Timestamp};

fn line(record: &Record<'_>, value_as: ValueAs) -> String {
    let mut lines = b"before\n".to_vec();
    let encoded = Envelope::new("t", value_as).encode(record, &mut lines);
    encoded.expect("headers that can be read");
    let line = lines.strip_prefix(b"before\n").expect("what was there");
    String::from_utf8(line.to_vec()).expect("a line is always text")
}

fn of_value(value: &[u8]) -> Record<'_> {
    Record {
        value: Some(value),
        ..Record::default()
    }
}

/// What a line has under `value` or `value_base64`, with the key.
fn shown(value: Option<&[u8]>, value_as: ValueAs) -> String {
    let line = line(
        &Record {
            value,
            ..Record::default()
        },
        value_as,
    );
    let (_, after) = line.split_once(r#""key":null,"#).expect("no key");
    let (shown, _) = after.rsplit_once(r#","headers""#).expect("headers");
    shown.into()
}

#[test]
fn a_record_is_one_line_of_keys_in_a_fixed_order() {
    let headers: Vec<Header<'static>> = vec![
        (b"a"[..].into(), Some(b"1"[..].into())),
        (b"a"[..].into(), None),
        (b""[..].into(), Some(b""[..].into())),
        (b"\xff"[..].into(), Some(b"\xfe\xff"[..].into())),
    ];
    let record = Record {
        partition: 3,
        offset: 7,
        value: Some("v\"\n\u{1}ä".as_bytes()),
        epoch: Some(2),
        timestamp: Some(Timestamp {
            ms: 1_764_420_000_123,
            kind: TimestampKind::Append,
        }),
        key: Some(b"\xff"),
        headers: Some(&headers),
    };
    let expected = concat!(
        r#"{"topic":"t","partition":3,"offset":7,"timestamp":1764420000123,"timestamp_type":"append","#,
        r#""key_base64":"/w==","value":"v\"\n\u0001ä","#,
        r#""headers":[["a","1"],["a",null],["",""],[{"base64":"/w=="},{"base64":"/v8="}]]}"#,
        "\n"
    );
    for value_as in [ValueAs::String, ValueAs::Json] {
        assert_eq!(line(&record, value_as), expected);
    }
    let nothing = concat!(
        r#"{"topic":"t","partition":0,"offset":0,"timestamp":null,"timestamp_type":null,"#,
        r#""key":null,"value":null,"headers":[]}"#,
        "\n"
    );
    assert_eq!(line(&Record::default(), ValueAs::String), nothing);
}

#[test]
fn no_value_an_empty_one_and_the_word_null_are_told_apart() {
    for value_as in [ValueAs::String, ValueAs::Json] {
        assert_eq!(shown(None, value_as), r#""value":null"#);
        assert_eq!(shown(Some(b""), value_as), r#""value":"""#);
        assert_eq!(shown(Some(b"null"), value_as), r#""value":"null""#);
        assert_eq!(shown(Some(b"\xff"), value_as), r#""value_base64":"/w==""#);
    }
}

#[test]
fn a_value_that_is_json_stands_as_it_is_if_that_is_wanted() {
    let json = br#"{"b": 1e400, "a":"\u00e4", "a":[]}"#;
    let as_json = shown(Some(json), ValueAs::Json);
    assert_eq!(as_json, r#""value":{"b": 1e400, "a":"\u00e4", "a":[]}"#);
    let as_string = shown(Some(json), ValueAs::String);
    assert!(
        as_string.starts_with(r#""value":"{\"b\": 1e400"#),
        "{as_string}"
    );
    // Text that would not come back, or could be something else, is text.
    assert_eq!(shown(Some(b"\"a\""), ValueAs::Json), r#""value":"\"a\"""#);
    assert_eq!(shown(Some(b"{\n}"), ValueAs::Json), r#""value":"{\n}""#);
    assert_eq!(shown(Some(b"a"), ValueAs::Json), r#""value":"a""#);
}

#[test]
fn the_size_of_a_large_record_is_known_beforehand() {
    let fits = |value: &[u8]| {
        let record = of_value(value);
        let length = line(&record, ValueAs::String).len();
        let size = Envelope::new("t", ValueAs::String).size(&record);
        assert!(
            (length..length + AROUND).contains(&size),
            "{length}, {size}"
        );
    };
    fits(&vec![b'"'; 1 << 20]);
    fits(&vec![1; 1 << 20]);
    fits(&vec![0xff; 1 << 20]);
    fits(&[]);
}

#[test]
fn the_documented_example_is_an_envelope() {
    let page = include_str!("../../../../docs/reference/formats.md");
    let section = page.split_once("### The envelope").expect("a section").1;
    let example = section.split_once("```json\n").expect("an example").1;
    let (example, _) = example.split_once("```").expect("an end");
    let decoded = decode(example.as_bytes()).expect("an envelope");
    let mut line = Vec::new();
    let encoded = Envelope::new(&decoded.topic, ValueAs::Json).encode(&decoded.record(), &mut line);
    assert_eq!(encoded, Ok(()));
    assert_eq!(line, example.as_bytes());
}

#[test]
fn lines_that_others_wrote_are_read_as_well() {
    let line = br#" { "headers": [], "value": [1, 2] , "key": "\u006b", "offset": 1, "partition": 0, "topic": "t" }"#;
    let decoded = decode(line).expect("an envelope");
    assert_eq!(decoded.key.as_deref(), Some(&b"k"[..]));
    assert_eq!(decoded.value.as_deref(), Some(&b"[1, 2]"[..]));
    assert_eq!(decoded.timestamp, None);
}

#[test]
fn what_is_no_envelope_is_refused() {
    let whole = line(&of_value(b"a"), ValueAs::String);
    assert!(decode(whole.as_bytes()).is_ok());
    for (from, to) in [
        (r#""value":"a","#, ""),
        (r#""key":null,"#, ""),
        (r#""key":null"#, r#""key":null,"key_base64":"YQ==""#),
        (r#""value":"a""#, r#""value":"a","value":"a""#),
        (r#""value":"a""#, r#""value_base64":"a""#),
        (r#""value":"a""#, r#""value_base64":null"#),
        (r#""value":"a""#, r#""value":nul"#),
        (r#""timestamp":null"#, r#""timestamp":1"#),
        (r#""offset":0"#, r#""offset":"0""#),
        ("[]", r#"[["a"]]"#),
        ("[]", r#"[[null,"a"]]"#),
        ("[]", r#"[[{"base64":"YQ==","b":1},null]]"#),
        ("}", r#","more":1}"#),
        ("}", ""),
        ("}\n", "}}\n"),
    ] {
        let changed = whole.replace(from, to);
        assert_ne!(changed, whole);
        assert!(decode(changed.as_bytes()).is_err(), "{changed}");
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) % limit as u64) as usize
    }

    fn bytes(&mut self) -> Option<Vec<u8>> {
        let length = [0, 1, 7, 8, 9, 40, 300, 1000][self.below(8)];
        let of = |pieces: &[&str], random: &mut Self| {
            let pieces = (0..length).map(|_| pieces[random.below(pieces.len())]);
            pieces.collect::<String>().into_bytes()
        };
        Some(match self.below(7) {
            0 => return None,
            1 => (0..length).map(|_| self.below(256) as u8).collect(),
            2 => of(
                &[
                    "a", "\"", "\\", "\n", "\r", "\0", "\u{1f}", "ä", "\u{2028}", "😀",
                ],
                self,
            ),
            3 => of(
                &["{", "}", "[", "]", "\"a\"", ",", ":", "1", " ", "null"],
                self,
            ),
            4 => self.json(4).into_bytes(),
            5 => {
                // JSON, but for one byte.
                let mut json = self.json(4).into_bytes();
                let at = self.below(json.len());
                json[at] = b"\"\\{}[],: \n1a\xff"[self.below(13)];
                json
            }
            _ => vec![b'a'; length],
        })
    }

    fn json(&mut self, depth: usize) -> String {
        let space = ["", "", "", " ", "\t", "\n"][self.below(6)];
        match self.below(if depth == 0 { 5 } else { 7 }) {
            0 => ["true", "false", "null"][self.below(3)].into(),
            1 => ["0", "-1.5E-9", "1e999", "18446744073709551616"][self.below(4)].into(),
            2 => r#""\u0000\n\ud83d\ude00""#.into(),
            3 => r#""\ud800""#.into(),
            4 => "\"ä\"".into(),
            5 => {
                let (first, second) = (self.json(depth - 1), self.json(depth - 1));
                format!("[{space}{first},{second}{space}]")
            }
            _ => {
                let (first, second) = (self.json(depth - 1), self.json(depth - 1));
                format!("{{\"a\":{space}{first},{space}\"a\":{second}}}")
            }
        }
    }
}

#[test]
fn every_record_comes_back_from_its_line() {
    let mut random = Random(1);
    let mut as_json = 0;
    for number in 0..20_000 {
        let kind = [TimestampKind::Create, TimestampKind::Append][random.below(2)];
        let ms = [0, -1, i64::MIN, i64::MAX, 1_764_420_000_123][random.below(5)];
        let headers = (0..random.below(4)).map(|_| {
            let name = random.bytes().unwrap_or_default();
            (name.into(), random.bytes().map(Into::into))
        });
        let headers = headers.collect::<Vec<Header<'static>>>();
        let expected = Decoded {
            topic: "a.topic-\"ä\\".into(),
            partition: [0, 11, i32::MAX][random.below(3)],
            offset: [0, 1 << 40, i64::MAX][random.below(3)],
            timestamp: (random.below(4) > 0).then_some(Timestamp { ms, kind }),
            key: random.bytes().map(Into::into),
            value: random.bytes().map(Into::into),
            headers,
        };
        for value_as in [ValueAs::String, ValueAs::Json] {
            let mut line = Vec::new();
            let encoded =
                Envelope::new(&expected.topic, value_as).encode(&expected.record(), &mut line);
            encoded.expect("headers that can be read");
            let shown = || format!("{number}: {}", String::from_utf8_lossy(&line));
            assert_eq!(
                line.iter().position(|byte| *byte == b'\n'),
                Some(line.len() - 1)
            );
            assert!(!line.contains(&b'\r'), "{}", shown());
            assert_eq!(decode(&line).as_ref(), Ok(&expected), "{}", shown());
            assert!(
                serde_json::from_slice::<serde::de::IgnoredAny>(&line).is_ok(),
                "{}",
                shown()
            );
            let value = expected.value.as_deref().unwrap_or_default();
            as_json += usize::from(value_as == ValueAs::Json && document::stands_alone(value));
        }
    }
    assert!(as_json > 1000, "{as_json}");
}

#[test]
fn a_line_is_what_it_and_the_index_know_of_its_record() {
    let mut envelope = Envelope::new("t", ValueAs::String);
    let origin = Origin {
        partition: 3,
        offset: 7,
        timestamp_ms: Some(1_000),
    };
    let timeless = Origin {
        timestamp_ms: None,
        ..origin
    };
    let mut lines = Vec::new();
    envelope.encode_line(Some(&origin), b"{\"a\"}", &mut lines);
    envelope.encode_line(Some(&timeless), b"\xff", &mut lines);
    envelope.encode_line(None, b"", &mut lines);
    assert_eq!(
        String::from_utf8(lines).expect("text"),
        "{\"topic\":\"t\",\"partition\":3,\"offset\":7,\"timestamp\":1000,\"value\":\"{\\\"a\\\"}\"}\n\
         {\"topic\":\"t\",\"partition\":3,\"offset\":7,\"timestamp\":null,\"value_base64\":\"/w==\"}\n\
         {\"topic\":\"t\",\"partition\":null,\"offset\":null,\"timestamp\":null,\"value\":\"\"}\n"
    );
}

#[test]
fn a_line_is_the_same_record_whether_it_is_read_quickly_or_in_general() {
    let values = [
        None,
        Some(&b""[..]),
        Some(b"plain"),
        Some(b"{\"a\":[1.50,\"x\\n\"]}"),
        Some(b"\"\\/\x08\x0c\n\r\t\x01\x1f\x7f"),
        Some("ä\u{2028}😀\"".as_bytes()),
        Some(b"\xff\xfe"),
        Some(b"null"),
        Some(b"-1e5"),
    ];
    let times = [
        None,
        Some((0, TimestampKind::Create)),
        Some((-5, TimestampKind::Append)),
    ];
    for (key, value) in values
        .iter()
        .flat_map(|key| values.map(|value| (*key, value)))
    {
        for time in times {
            for value_as in [ValueAs::String, ValueAs::Json] {
                let record = Record {
                    partition: i32::MAX,
                    offset: i64::MAX - 1,
                    key,
                    value,
                    timestamp: time.map(|(ms, kind)| Timestamp { ms, kind }),
                    ..Record::default()
                };
                let line = line(&record, value_as);
                let quickly = quick::decode(line.as_bytes()).expect("is read quickly");
                let in_general = decode::in_general(line.as_bytes());
                assert_eq!(Ok(&quickly), in_general.as_ref(), "{line}");
                assert_eq!(
                    (quickly.key.as_deref(), quickly.value.as_deref()),
                    (key, value)
                );
                // Whatever is changed in it, it is never read as anything else.
                for at in 0..line.len() {
                    for byte in [b'0', b'"', b'\\', b'{', b',', 0x01, 0xff] {
                        let mut changed = line.clone().into_bytes();
                        changed[at] = byte;
                        if let Some(quickly) = quick::decode(&changed) {
                            let shown = String::from_utf8_lossy(&changed);
                            assert_eq!(Ok(quickly), decode::in_general(&changed), "{shown}");
                        }
                    }
                }
            }
        }
    }
}
