//! What is taken, and what is said of the rest.

use super::super::{PLACEHOLDERS, Template, TemplateError, Values, with_sequence};
use super::{Chance, ms, path, template};

/// What is said of a text that is no template.
fn said(text: &str) -> String {
    match Template::parse(text) {
        Err(error) => error.to_string(),
        Ok(template) => panic!("{text} is taken, as {template:?}"),
    }
}

#[test]
fn each_placeholder_becomes_what_it_stands_for() {
    let values = Values {
        partition: Some(3),
        sequence: 42,
        opened_ms: ms("2026-11-29T12:30:49.5Z"),
        time_ms: Some(ms("2024-02-29T23:59:59.999Z")),
    };
    for (text, expected) in [
        ("plain.ndjson", "plain.ndjson"),
        ("{{a}}", "{a}"),
        ("{{{seq}}}", "{42}"),
        ("p={partition}/x", "p=3/x"),
        ("{seq}-{seq:02}-{seq:06}", "42-42-000042"),
        ("{opened:%Y%m%d-%H%M%S}-{seq}", "20261129-123049-42"),
        ("{time:%Y-%m-%d/%H}/{seq}.gz", "2024-02-29/23/42.gz"),
        (
            "dt={time:%Y-%m-%d}/hour={time:%H}/{seq:06}.zst",
            "dt=2024-02-29/hour=23/000042.zst",
        ),
        (
            "{time:%-d.%-m. %b %% %A %p}{{{seq}",
            "29.2. Feb % Thursday PM{42",
        ),
        (
            "{time:%G-W%V %j q%q %z}, {seq}",
            "2024-W09 060 q1 +0000, 42",
        ),
    ] {
        assert_eq!(path(text, &values), expected, "{text}");
        assert_eq!(template(text).to_string(), text, "{text}");
    }
}

#[test]
fn every_conversion_that_is_known_has_a_text_for_all_times() {
    for conversion in super::super::times::known().split(' ') {
        let template = template(&format!("{{time:{conversion}}}-{{seq}}"));
        for time_ms in [
            0,
            ms("2100-12-31T23:59:59Z"),
            jiff::Timestamp::MAX.as_second() * 1000 - 1,
        ] {
            let time_ms = Some(time_ms);
            let sequence = 7;
            let values = Values {
                time_ms,
                sequence,
                ..Values::default()
            };
            let text = template.path(&values).display().to_string();
            assert!(!text.starts_with("unknown"), "{conversion}: {text}");
            assert!(!text.contains(['/', '\0', ' ']), "{conversion}: {text}");
        }
    }
}

#[test]
fn a_record_without_a_time_that_a_calendar_has_goes_to_unknown() {
    for time_ms in [None, Some(-1), Some(i64::MIN), Some(i64::MAX)] {
        let values = Values {
            time_ms,
            ..Values::default()
        };
        let text = "dt={time:%Y-%m-%d}/{time:%H/%M}/{seq}";
        assert_eq!(path(text, &values), "dt=unknown/unknown/0");
    }
    // A clock that is wrong is no reason for another name than one of a time.
    let values = Values {
        opened_ms: -5,
        ..Values::default()
    };
    assert_eq!(path("{opened:%Y}-{seq}", &values), "1970-0");
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let known = PLACEHOLDERS.join(", ");
    for (text, expected) in [
        ("ä{sek}", format!("unknown placeholder `{{sek}}` in column 2; known are {known}")),
        ("{}", format!("unknown placeholder `{{}}` in column 1; known are {known}")),
        ("{Topic}", format!("unknown placeholder `{{Topic}}` in column 1; known are {known}")),
        ("a{seq", "the `{` in column 2 is not closed; `{{` is a brace".into()),
        ("a{seq{", "the `{` in column 2 is not closed; `{{` is a brace".into()),
        ("{{a}", "the `}` in column 4 closes nothing; `}}` is a brace".into()),
        ("{topic:x}", "`{topic}` in column 1 takes nothing behind its name".into()),
        (
            "{seq:6}",
            "`{seq}` in column 1 takes a number of digits from 01 to 020, as in `{seq:06}`".into(),
        ),
        (
            "{seq}-{time}",
            "`{time}` in column 7 has nothing of the time in it; write `{time:%Y-%m-%d}`, or another format".into(),
        ),
        (
            "{seq}{partition}",
            "between the placeholder in column 6 and the one before it stands nothing but digits, or nothing; write `-`, for example".into(),
        ),
        (
            "a/{time:%H}.gz",
            "`{time}` in column 3 needs `{seq}`, or two segments could get one name".into(),
        ),
        ("{partition}/../b", "`..` can't stand behind a placeholder".into()),
        ("a/{seq}/", "the path is a directory's, as it ends in `/`".into()),
        ("{time:%Y}/{seq}/.", "the path is a directory's, as it ends in `/`".into()),
        ("a\0", "no path has a zero byte in it".into()),
        (
            "{seq}-{time:unknown-%Y}",
            "the format in column 7 begins with `unknown`, as do the names for records without a timestamp".into(),
        ),
    ] {
        assert_eq!(said(text), expected, "{text}");
    }
    for text in [
        "{seq:}",
        "{seq:0}",
        "{seq:00}",
        "{seq:021}",
        "{seq:006}",
        "{seq:0x}",
    ] {
        assert_eq!(
            Template::parse(text),
            Err(TemplateError::Width { column: 1 }),
            "{text}"
        );
    }
    for text in [
        "{seq}00{partition}",
        "{seq}1{topic}",
        "{topic}{seq}",
        "{name}1{partition}",
        "{seq}-{time:%Y}1{time:%m}",
    ] {
        let error = Template::parse(text);
        assert!(
            matches!(error, Err(TemplateError::Adjacent { .. })),
            "{text}: {error:?}"
        );
    }
}

#[test]
fn a_conversion_that_no_path_can_have_is_refused_with_its_place() {
    for (text, typed, place) in [
        ("{seq}-{time:%Y%Q}", "%Q", 15),
        ("{seq}-{opened:ä%D}", "%D", 16),
        // A fraction, what depends on where it runs, and what has blanks, a slash or a line's end in it.
        ("{seq}-{time:%f}", "%f", 13),
        ("{seq}-{time:%c}", "%c", 13),
        ("{seq}-{time:%e}", "%e", 13),
        ("{seq}-{time:%Z}", "%Z", 13),
        ("{seq}-{time:%n}", "%n", 13),
        ("{seq}-{time:%_d}", "%_", 13),
        ("{seq}-{time:%4Y}", "%4", 13),
        ("{seq}-{time:%-F}", "%-F", 13),
        ("{seq}-{time:%H%}", "%", 15),
    ] {
        let expected = TemplateError::Conversion {
            conversion: typed.into(),
            column: place,
        };
        assert_eq!(Template::parse(text), Err(expected), "{text}");
    }
}

#[test]
fn a_sequence_is_put_before_the_endings_of_the_last_name() {
    for (text, expected) in [
        ("a.ndjson.gz", "a-{seq:06}.ndjson.gz"),
        ("a/b.c/d", "a/b.c/d-{seq:06}"),
        ("a.b/.hidden", "a.b/.hidden-{seq:06}"),
        ("a/{time:%Y.%m/%d}.gz", "a/{time:%Y.%m/%d}-{seq:06}.gz"),
        ("a.b/p{partition}x.gz", "a.b/p{partition}x-{seq:06}.gz"),
        ("a/", "a/{seq:06}"),
        ("{{.}}.gz", "{{.}}-{seq:06}.gz"),
    ] {
        assert_eq!(with_sequence(text), expected, "{text}");
        assert!(template(expected).has_sequence(), "{text}");
    }
}

#[test]
fn any_text_is_refused_or_means_what_it_shows() {
    let mut chance = Chance(1);
    let tokens = [
        "{",
        "}",
        "{{",
        "}}",
        ":",
        "%",
        "/",
        "..",
        ".",
        "-",
        "0",
        "a",
        "ä",
        "{seq}",
        "seq",
        "06",
        "{time:",
        "{topic}",
        "{partition}",
        "%Y",
        "%-m",
        "%Q",
        "unknown",
        "opened",
        ".part",
        "\n",
        ".archiver",
        "\0",
    ];
    let mut taken = 0;
    for _ in 0..20_000 {
        let count = 1 + chance.below(8);
        let text: String = (0..count).map(|_| chance.one_of(&tokens)).collect();
        crate::fuzz::template(text.as_bytes());
        let Ok(template) = Template::parse(&text) else {
            continue;
        };
        taken += 1;
        let shown = template.to_string();
        assert_eq!(Template::parse(&shown), Ok(template), "{text} {shown}");
    }
    assert!(taken > 1_000, "{taken}");
}
