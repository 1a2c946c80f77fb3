use super::super::load::load_text;
use super::{ARCHIVE, env, report, summary};

#[test]
fn syntax_errors_and_what_else_is_wrong_come_in_one_report() {
    let text = r#"
flush = "1s"
[limits
memory = "1"
[[archive]]
broker = h:1
topic = "a b"
file =
just words
[[archive]]
broker = "h:1"
topic = "t"
fil = "x"
"#;
    assert_eq!(
        report(text),
        r#"error: unknown key `flush` at the top of the file
 --> topics.toml:2:1
  |
2 | flush = ***
  | ^^^^^ it belongs in an `[[archive]]`

error: not TOML: unclosed table, expected `]`
 --> topics.toml:3:8
  |
3 | [limits
  |        ^

error: not TOML: string values must be quoted, expected literal string
 --> topics.toml:6:10
  |
6 | broker = h:1
  |          ^^^

error: a topic can't be named `a b`
 --> topics.toml:7:9
  |
7 | topic = "a b"
  |         ^^^^^
  |
  = help: a name is 1 to 249 of the characters A-Z a-z 0-9 . _ -, and not `.` or `..`

error: not TOML: string values must be quoted, expected literal string
 --> topics.toml:8:7
  |
8 | file =
  |       ^

error: not TOML: key with no value, expected `=`
 --> topics.toml:9:6
  |
9 | ***
  | ^^^

error: this archive is missing `file`
  --> topics.toml:10:1
   |
10 | [[archive]]
   | ^^^^^^^^^^^

error: unknown key `fil` in an `[[archive]]`
  --> topics.toml:13:1
   |
13 | fil = ***
   | ^^^ did you mean `file`?"#
    );
}

#[test]
fn a_syntax_error_is_not_followed_by_its_consequences() {
    // A lost cluster, a lost list of archives, a lost key.
    for text in [
        "[clusters.prod\nbroker = \"h:1\"\n[[archive]]\nbroker = \"prod\"\ntopic = \"t\"\nfile = \"f\"\n",
        "[[archive\nbroker = \"h:1\"\n",
        "[[archive]\nbroker = \"h:1\"\n",
        "[[archive]]\nbroker = \"h:1\"\ntopic = \"t\"\nfile \"f\"\n",
        "[[archive]]\nbroker = \"h:1\"\ntopic = t\nfile = \"f\"\n",
    ] {
        let found = summary(text);
        assert!(
            found.len() == 1 && found[0].starts_with("not TOML"),
            "{found:?}"
        );
    }
}

#[test]
fn a_key_given_twice_is_underlined() {
    let text = format!("{ARCHIVE}topic = \"u\"\n");
    assert_eq!(
        report(&text),
        r#"error: not TOML: duplicate key
 --> topics.toml:5:1
  |
5 | topic = "u"
  | ^^^^^"#
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
