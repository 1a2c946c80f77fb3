use super::super::load::load_text;
use super::{ARCHIVE, env, report};

#[test]
fn a_file_that_is_not_toml_is_told_by_places_and_the_parsers_words() {
    let text = r#"
flush = "1s"
[limits
memory = "1"
[[archive]]
broker = h:1
topic = "a b"
file =
"#;
    assert_eq!(
        report(text),
        r#"error: not TOML: unclosed table, expected `]`
--> topics.toml:3:8

error: not TOML: string values must be quoted, expected literal string
--> topics.toml:6:10

error: not TOML: string values must be quoted, expected literal string
--> topics.toml:8:7"#
    );
}

#[test]
fn an_error_is_not_followed_by_others_in_its_line() {
    for line in ["ä: b", "a = b=c"] {
        let found = report(&format!("{ARCHIVE}{line}\n"));
        assert_eq!(found.matches("not TOML").count(), 1, "{found}");
    }
}

#[test]
fn a_key_given_twice_is_not_toml() {
    let text = format!("{ARCHIVE}topic = \"u\"\n");
    assert_eq!(
        report(&text),
        "error: not TOML: duplicate key\n--> topics.toml:5:1"
    );
}

#[test]
fn deep_nesting_is_borne() {
    const DEPTH: usize = 100_000;
    let dotted = format!("{}a", "a.".repeat(DEPTH));
    for text in [
        format!("{dotted} = 1"),
        format!("[{dotted}]"),
        format!("[[{dotted}]]"),
        format!("[kafka]\n{dotted} = 1"),
        format!("kafka.{dotted} = 1"),
        format!("[clusters.{dotted}]"),
        format!("x = {}{}", "[".repeat(DEPTH), "]".repeat(DEPTH)),
        format!("x = {}", "{ a = ".repeat(DEPTH)),
        "[".repeat(DEPTH),
    ] {
        assert!(load_text("topics.toml", &text, &env).is_err());
    }
}

#[test]
fn what_is_much_longer_than_any_key_is_compared_with_none() {
    let long = "x".repeat(3_000_000);
    for text in [
        format!("{ARCHIVE}{long} = 1\n"),
        format!("{ARCHIVE}{long} = \n"),
        format!("{ARCHIVE}[kafka]\n{long} = 1\n"),
    ] {
        assert!(load_text("topics.toml", &text, &env).is_err());
    }
}
