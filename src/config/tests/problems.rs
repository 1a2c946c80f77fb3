use super::{ARCHIVE, loaded, report, summary};

/// What is said about one key in an archive.
fn about(key: &str, value: &str) -> Vec<String> {
    let kept = ARCHIVE
        .lines()
        .filter(|line| !line.starts_with(&format!("{key} ")));
    let text = kept.fold(String::new(), |text, line| text + line + "\n");
    summary(&format!("{text}{key} = {value}\n"))
}

#[test]
fn problems_are_reported_all_at_once_in_the_order_of_the_file() {
    let text = r#"
shutdown_timout = "30s"

[clusters.prod]
broker = "kafka-1:9092"
connections = "two"

[[archive]]
broker = "localhost:9092"
topic  = "metrics"
file   = "save_data/metrics.ndjson"

[[archive]]
broker = "pord"
topic  = "metrics"
file   = "save_data/x/../metrics.ndjson"
flush  = 5

[[archive]]
broker = "prod"
"#;
    assert_eq!(
        report(text),
        r#"error: unknown key `shutdown_timout` at the top of the file
 --> topics.toml:2:1
  |
2 | shutdown_timout = ***
  | ^^^^^^^^^^^^^^^ did you mean `shutdown_timeout`?

error: expected an integer, found a string
 --> topics.toml:6:15
  |
6 | connections = "two"
  |               ^^^^^

error: `pord` is neither a cluster nor `host:port`
  --> topics.toml:14:10
   |
14 | broker = "pord"
   |          ^^^^^^ did you mean `prod`?
   |
   = help: write `host:port[,host:port...]`, or the name of a `[clusters.NAME]` table

error: two archives are named `metrics`
  --> topics.toml:15:10
   |
10 | topic  = "metrics"
   |          --------- the first
...
15 | topic  = "metrics"
   |          ^^^^^^^^^ the second
   |
   = help: an archive is named after its topic: give one of them a `name`

error: two archives write to one file
  --> topics.toml:16:10
   |
11 | file   = "save_data/metrics.ndjson"
   |          -------------------------- the first
...
16 | file   = "save_data/x/../metrics.ndjson"
   |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ the second

error: expected a duration such as "1s", found an integer
  --> topics.toml:17:10
   |
17 | flush  = 5
   |          ^

error: this archive is missing `topic` and `file`
  --> topics.toml:19:1
   |
19 | [[archive]]
   | ^^^^^^^^^^^"#
    );
}

#[test]
fn nothing_to_archive_is_an_error() {
    let says = "there is no `[[archive]]`, so nothing to do";
    let help = "write `[[archive]]`, and `broker`, `topic` and `file` below it, once per topic";
    assert_eq!(
        report(""),
        format!("error: {says}\n--> topics.toml\n = help: {help}")
    );
    assert_eq!(
        report("archive = []\n"),
        format!(
            "error: {says}\n --> topics.toml:1:11\n  |\n1 | archive = []\n  |           ^^\n  |\n  = help: {help}"
        )
    );
    assert_eq!(
        summary("[archive]\ntopic = \"t\"\n"),
        ["expected a list of tables, `[[archive]]`, found a table"]
    );
    assert_eq!(
        summary("archive = [1]\n"),
        ["expected a table, `[[archive]]`, found an integer"]
    );
}

#[test]
fn unknown_keys_are_found_at_every_level() {
    let text = format!(
        r#"
memory = "1GiB"
statedir = "x"
completely = "other"
[defaults]
flsh = "1s"
topic = "x"
[limits]
memori = "1GiB"
[clusters.prod]
broker = "h:1"
commit-group = "g"
{ARCHIVE}compress = "gzip"
commit_group = "g"
shutdown_timeout = "1s"
"#
    );
    assert_eq!(
        summary(&text),
        [
            "unknown key `memory` at the top of the file | it belongs in `[limits]`",
            "unknown key `statedir` at the top of the file | did you mean `state_dir`?",
            "unknown key `completely` at the top of the file | the keys here are `archive`, `clusters`, `defaults`, `http`, `kafka`, `limits`, `shutdown_timeout`, `state_dir`",
            "unknown key `flsh` in `[defaults]` | did you mean `flush`?",
            "unknown key `topic` in `[defaults]` | it belongs in an `[[archive]]`",
            "unknown key `memori` in `[limits]` | did you mean `memory`?",
            "unknown key `commit-group` in a `[clusters.NAME]` table | did you mean `commit_group`?",
            "unknown key `compress` in an `[[archive]]` | did you mean `compression`?",
            "unknown key `commit_group` in an `[[archive]]` | it belongs in a `[clusters.NAME]` table",
            "unknown key `shutdown_timeout` in an `[[archive]]` | it belongs at the top of the file, above the first `[table]`",
        ]
    );
}

#[test]
fn a_wrong_type_says_what_was_expected_and_what_was_found() {
    assert_eq!(about("topic", "1"), ["expected a string, found an integer"]);
    assert_eq!(
        about("topic", "[\"a\"]"),
        ["expected a string, found an array"]
    );
    assert_eq!(about("name", "1.5"), ["expected a string, found a float"]);
    assert_eq!(
        about("file", "true"),
        ["expected a string, found a boolean"]
    );
    assert_eq!(
        about("file", "2026-01-01"),
        ["expected a string, found a date or time"]
    );
    assert_eq!(
        about("broker", "{ x = 1 }"),
        ["expected a string, found a table"]
    );
    assert_eq!(
        about("start", "1"),
        ["expected a string such as \"earliest\" or \"-10m\", found an integer"]
    );
    assert_eq!(
        about("compression_level", "\"1\""),
        ["expected an integer, found a string"]
    );
    for (text, says) in [
        (
            "limits = 1\n",
            "expected a table, `[limits]`, found an integer",
        ),
        (
            "defaults = 1\n",
            "expected a table, `[defaults]`, found an integer",
        ),
        (
            "kafka = 1\n",
            "expected a table of librdkafka properties, found an integer",
        ),
        (
            "clusters = 1\n",
            "expected tables, `[clusters.NAME]`, found an integer",
        ),
        ("state_dir = 1\n", "expected a string, found an integer"),
        (
            "limits.memory = 1\n",
            "expected a size such as \"256MiB\", found an integer",
        ),
        (
            "clusters.a = \"h:1\"\n",
            "`a` is no table, but clusters are | write `[clusters.NAME]`, and its keys below it",
        ),
    ] {
        assert_eq!(summary(&format!("{text}{ARCHIVE}")), [says]);
    }
}

#[test]
fn missing_keys_are_named() {
    assert_eq!(
        summary("[[archive]]\n"),
        ["this archive is missing `broker`, `topic` and `file`"]
    );
    let text = format!("[clusters.prod]\n{ARCHIVE}");
    assert_eq!(summary(&text), ["this cluster is missing `broker`"]);
}

#[test]
fn empty_strings_are_refused() {
    for key in ["broker", "topic", "file", "name"] {
        assert_eq!(about(key, "\"\""), [format!("`{key}` is empty")]);
    }
    assert_eq!(
        about("file", "\"a\\u0000b\""),
        ["`file` has a zero byte in it"]
    );
    let text =
        format!("state_dir = \"\"\n{ARCHIVE}[clusters.c]\nbroker = \"\"\ncommit_group = \"\"\n");
    assert_eq!(
        summary(&text),
        [
            "`state_dir` is empty",
            "`broker` is empty",
            "`commit_group` is empty"
        ]
    );
}

#[test]
fn durations_and_sizes_have_limits() {
    let units =
        "whole numbers with a unit each (d, h, m, s, ms), such as \"500ms\", \"1s\" or \"1m30s\"";
    assert_eq!(
        about("flush", "\"1\""),
        [format!("`1` is not a duration | {units}")]
    );
    assert_eq!(
        about("flush", "\"-1s\""),
        [format!("`-1s` is not a duration | {units}")]
    );
    for (key, value, limits) in [
        ("flush", "0s", "10ms to 1h"),
        ("flush", "1h1ms", "10ms to 1h"),
        ("checkpoint", "99ms", "100ms to 24h"),
        ("checkpoint", "25h", "100ms to 24h"),
    ] {
        let says = format!("`{key}` is out of its limits | {limits} are possible");
        assert_eq!(about(key, &format!("\"{value}\"")), [says]);
    }
    let text = format!("shutdown_timeout = \"2h\"\nlimits.memory = \"1MiB\"\n{ARCHIVE}");
    assert_eq!(
        summary(&text),
        [
            "`shutdown_timeout` is out of its limits | 1s to 1h are possible",
            "`memory` is too small | at least \"16MiB\"",
        ]
    );
    let text = format!("limits.memory = \"1 gig\"\n{ARCHIVE}");
    assert_eq!(
        summary(&text),
        [
            "`1 gig` is not a size | a whole number of bytes, or with one of kB, MB, GB, TB, KiB, MiB, GiB, TiB, such as \"256MiB\""
        ]
    );
}

#[test]
fn a_mode_is_octal_and_lets_its_owner_read_and_write() {
    for mode in [
        "", "640x", "9999", "-640", "+640", "0o640", "00640", "64", "0440", "0200", "0740", "4640",
        "0661",
    ] {
        let said = about("file_mode", &format!("\"{mode}\""));
        let expected = format!("`{mode}` is not a mode for files | three or four octal digits");
        assert!(
            said.len() == 1 && said[0].starts_with(&expected),
            "{said:?}"
        );
    }
    assert_eq!(
        about("file_mode", "0o640"),
        ["expected a mode such as \"0640\", found an integer"]
    );
}

#[test]
fn a_start_is_a_word_a_number_of_records_or_a_time_that_the_clock_shows_once() {
    let help = "it is \"latest\", \"earliest\", \"last:1000\", or a time: \"2026-11-20T09:00:00Z\", \"2026-11-20 09:00\", \
                \"today\", seconds or milliseconds since 1970, \"-10m\"";
    assert_eq!(
        about("start", "\"erliest\""),
        [format!(
            "`start` can't be `erliest` | did you mean \"earliest\"? | {help}"
        )]
    );
    assert_eq!(
        about("start", "\"2026-02-30 09:00\""),
        [format!("`start` can't be `2026-02-30 09:00` | {help}")]
    );
    for typed in ["last:0", "last:", "last:-1", "last:many"] {
        let help = "write \"last:1000\" for the last thousand of each partition";
        assert_eq!(
            about("start", &format!("\"{typed}\"")),
            [format!("`{typed}` has no number of records | {help}")]
        );
    }
    assert_eq!(
        about("start", "\"17\""),
        [
            "`start` can't be `17` | 17 is too small for a time since 1970; a number of 9 to 11 digits is seconds since \
             1970, one of 12 to 14 is milliseconds"
        ]
    );
    assert_eq!(
        about(
            "start",
            "\"2026-03-29 02:30\"\ntimezone = \"Europe/Berlin\""
        ),
        [
            "`start` can't be `2026-03-29 02:30` | 2026-03-29 02:30 is a time that the clock never shows on that day in \
             Europe/Berlin; write 2026-03-29T02:30:00+01:00 (before it was set) or 2026-03-29T02:30:00+02:00 (after)"
        ]
    );
}

#[test]
fn words_are_taken_from_a_list() {
    assert_eq!(
        about("compression", "\"brotli\""),
        ["`compression` can't be `brotli` | it is one of \"none\", \"gzip\", \"zstd\""]
    );
    assert_eq!(
        about("newline", "\"drop\""),
        ["`newline` can't be `drop` | it is one of \"space\", \"escape\", \"fail\""]
    );
    assert_eq!(
        about("format", "\"jsn\""),
        ["`format` can't be `jsn` | did you mean \"json\"? | it is one of \"raw\", \"json\""]
    );
    assert_eq!(
        about("existing", "\"overwrite\""),
        ["`existing` can't be `overwrite` | it is one of \"refuse\", \"append\""]
    );
    assert_eq!(
        about("corrupt", "\"stop\""),
        ["`corrupt` can't be `stop` | it is one of \"wait\", \"skip\""]
    );
}

#[test]
fn a_key_that_means_nothing_in_the_archives_format_is_a_problem() {
    assert_eq!(
        summary(&format!(
            "{ARCHIVE}format = \"json\"\nnewline = \"space\"\n"
        )),
        [
            "`newline` with `format = \"json\"` | leave it out: in JSON no newline can be inside a value"
        ]
    );
    assert_eq!(
        about("value_as", "\"json\""),
        ["`value_as` without `format = \"json\"` | leave it out, or add `format = \"json\"`"]
    );
}

#[test]
fn names_that_kafka_cannot_have_are_refused() {
    let rule = "a name is 1 to 249 of the characters A-Z a-z 0-9 . _ -, and not `.` or `..`";
    assert_eq!(
        about("topic", "\"a/b\""),
        [format!("a topic can't be named `a/b` | {rule}")]
    );
    assert_eq!(
        about("topic", "\"..\""),
        [format!("a topic can't be named `..` | {rule}")]
    );
    assert_eq!(
        about("name", "\"a b\""),
        [format!("an archive can't be named `a b` | {rule}")]
    );
    let text = format!("[clusters.\"h:1\"]\nbroker = \"h:1\"\n{ARCHIVE}");
    assert_eq!(
        summary(&text),
        [format!("a cluster can't have this name | {rule}")]
    );
}

#[test]
fn compression_fits_the_file() {
    let archive = |keys: &str| {
        summary(&format!(
            "[[archive]]\nbroker = \"h:1\"\ntopic = \"t\"\n{keys}"
        ))
    };
    let contradiction = "`compression` contradicts the file's ending | zstd here | leave `compression` out, and the ending decides";
    assert_eq!(
        archive("file = \"a.gz\"\ncompression = \"zstd\"\n"),
        [contradiction]
    );
    assert_eq!(
        archive("file = \"a.zst\"\ncompression = \"none\"\n"),
        [contradiction.replace("zstd here", "none here")]
    );
    assert_eq!(
        archive("file = \"a.zst\"\n[defaults]\ncompression = \"gzip\"\n"),
        [contradiction.replace("zstd here", "ends in .zst")]
    );
    let range = "`compression_level` is out of range";
    assert_eq!(
        archive("file = \"a.gz\"\ncompression_level = 10\n"),
        [format!("{range} | gzip takes 1 to 9")]
    );
    assert_eq!(
        archive("file = \"a.zst\"\ncompression_level = 0\n"),
        [format!("{range} | 1 to 19 are possible")]
    );
    assert_eq!(
        archive("file = \"a\"\ncompression_level = 1\n"),
        [
            "`compression_level` without a compression | leave it out, or let the file end in .gz or .zst"
        ]
    );
    assert_eq!(
        archive("file = \"a\"\n[defaults]\ncompression_level = 20\n"),
        [format!("{range} | 1 to 19 are possible")]
    );
    assert_eq!(
        archive("file = \"a.gz\"\n[defaults]\ncompression_level = 19\n"),
        [
            "the default `compression_level` is out of range here | gzip takes 1 to 9 | give this archive a `compression_level` of its own"
        ]
    );
}

#[test]
fn a_broker_is_a_list_or_a_cluster() {
    let neither = |broker: &str, label: &str| {
        let says = format!(
            "`{broker}` is neither a cluster nor `host:port` | {label} | write `host:port[,host:port...]`, or the name of a `[clusters.NAME]` table"
        );
        assert_eq!(about("broker", &format!("\"{broker}\"")), [says]);
    };
    neither("localhost", "the port is missing");
    neither("localhost:0", "the port is a number from 1 to 65535");
    neither("a:1,,b:2", "there is an empty place in the list");
    let text = format!("[clusters.prod]\nbroker = \"prod\"\nconnections = 65\n{ARCHIVE}");
    assert_eq!(
        summary(&text),
        [
            "`prod` is no bootstrap list | the port is missing | write `host:port[,host:port...]`",
            "`connections` is out of range | 1 to 64 are possible",
        ]
    );
}

#[test]
fn a_prefix_that_librdkafka_would_skip_is_refused() {
    let says = "the prefix of a broker is not the cluster's `security.protocol` | leave the prefix out, or set `\"security.protocol\"` in a `kafka` table to the same (without it, it is plaintext)";
    assert_eq!(about("broker", "\"SSL://h:1\""), [says]);
    let text = format!(
        "[clusters.c]\nbroker = \"PLAINTEXT://h:1\"\nkafka = {{ \"security.protocol\" = \"ssl\" }}\n{ARCHIVE}"
    );
    assert_eq!(summary(&text), [says]);
}

#[test]
fn a_login_that_can_not_work_is_refused() {
    let set = |properties: &str| {
        format!("{ARCHIVE}\n[kafka]\nsecurity.protocol = \"SASL_SSL\"\n{properties}")
    };
    let none = "the cluster's `sasl.mechanism` is none that archiver has; without one it is GSSAPI (Kerberos) | possible: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER";
    assert_eq!(summary(&set("")), [none]);
    assert_eq!(summary(&set("sasl.mechanisms = \"GSSAPI\"")), [none]);
    let token = "sasl.mechanism = \"OAUTHBEARER\"\n";
    let no_token = "archiver gets no tokens for OAUTHBEARER from a server";
    assert!(summary(&set(token))[0].starts_with(no_token));
    loaded(&set(&format!(
        "{token}enable.sasl.oauthbearer.unsecure.jwt = true"
    )));
    loaded(&set("sasl.mechanism = \"PLAIN\""));
    loaded(&format!("{ARCHIVE}\n[kafka]\nsasl.mechanism = \"GSSAPI\""));
}
