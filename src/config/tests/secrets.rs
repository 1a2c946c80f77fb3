//! No secret is ever in a report, whatever is wrong with the file.

use super::super::load::load_text;
use super::{ARCHIVE, env, loaded, report, summary};

/// Secrets in every form; `hunter2` is in all of them.
const SECRETS: &str = r#"
[kafka]
"sasl.username" = "u"
"sasl.password" = "a hunter2 b" # was hunter2
ssl.key.password = 'hunter2'
"ssl.key.pem" = """
-----BEGIN
hunter2==
-----END"""
[clusters.prod]
broker = "p:1"
kafka = { "sasl.password" = "hunter2", "ssl.keystore.password" = "=,{hunter2" }
[clusters.test]
broker = "t:1"
[clusters.test.kafka]
sasl.oauthbearer.config = '''
x=hunter2
'''
"sasl.mechanism" = "PLAIN"
[[archive]]
broker = "prod"
topic = "t"
file = "not-there/t"
"#;

fn assert_no_secret(text: &str) {
    let said = match load_text("topics.toml", text, &env) {
        Ok(config) => format!("{config:?}"),
        Err(error) => format!("{error}\n{error:?}"),
    };
    assert!(!said.contains("hunter2"), "of\n{text}\nis said\n{said}");
}

#[test]
fn values_of_properties_are_masked() {
    let text = format!(
        r#"{ARCHIVE}
[kafka]
"security.protocol" = "hunter2"
"sasl.pasword" = "hunter2"   # and hunter2
"group.id" = "hunter2"
"socket.timeout.ms" = "${{SECRET}}"
debug = ["hunter2"]
[clusters.prod]
broker = "p:1"
kafka = {{ "sasl.password" = "hunter2", "no.such" = "hunter2" }}
sasl_password = "hunter2"
"#
    );
    assert_eq!(
        report(&text),
        r#"error: `security.protocol` can't have this value
 --> topics.toml:7:23
  |
7 | "security.protocol" = ***
  |                       ^^^
  |
  = help: possible: plaintext, ssl, sasl_plaintext, sasl_ssl

error: unknown librdkafka property `sasl.pasword`
 --> topics.toml:8:1
  |
8 | "sasl.pasword" = ***   #***
  | ^^^^^^^^^^^^^^ did you mean `sasl.password`?

error: `group.id` is archiver's own
 --> topics.toml:9:1
  |
9 | "group.id" = ***
  | ^^^^^^^^^^ use `commit_group` in a `[clusters.NAME]` table

error: `socket.timeout.ms` can't have this value
  --> topics.toml:10:23
   |
10 | "socket.timeout.ms" = ***
   |                       ^^^
   |
   = help: possible: 10 to 300000

error: expected a string, an integer or a boolean, found an array
  --> topics.toml:11:9
   |
11 | debug = [***]
   |         ^^^^^

error: unknown librdkafka property `no.such`
  --> topics.toml:14:40
   |
14 | kafka = { "sasl.password" = ***, "no.such" = *** }
   |                                  ^^^^^^^^^
   |
   = help: librdkafka's CONFIGURATION.md lists what there is

error: unknown key `sasl_password` in a `[clusters.NAME]` table
  --> topics.toml:15:1
   |
15 | sasl_password = ***
   | ^^^^^^^^^^^^^
   |
   = help: the keys here are `broker`, `commit_group`, `connections`, `kafka`"#
    );
}

#[test]
fn values_from_elsewhere_are_not_in_a_message() {
    let text = r#"
state_dir = "${EMPTY}"
shutdown_timeout = "${SECRET}"
[limits]
memory = "${SECRET}"
[clusters.prod]
broker = "${SECRET}"
[[archive]]
broker = "${SECRET}"
topic = "/${SECRET}"
file = "${SECRET}/"
start = "${SECRET}"
[[archive]]
broker = "h:1"
topic = "${SECRET}"
file = "${SECRET}"
[[archive]]
broker = "h:1"
topic = "${SECRET}"
file = "./${SECRET}"
"#;
    assert_no_secret(text);
    let report = report(text);
    for said in [
        "`state_dir` is empty",
        "`${SECRET}` is not a duration",
        "`${SECRET}` is not a size",
        "`${SECRET}` is no bootstrap list",
        "`${SECRET}` is neither a cluster nor `host:port`",
        "a topic can't be named `/${SECRET}`",
        "records can't go to `${SECRET}/`",
        "`start` can't be `${SECRET}`",
        "two archives are named `${SECRET}`",
        "two archives write to one file",
    ] {
        assert!(report.contains(said), "{said} is not in\n{report}");
    }
}

#[test]
fn what_has_no_value_is_named_where_no_secret_can_be() {
    let problems =
        summary("state_dir = \"${NO}\"\n[limits]\nmemory = \"${file:no/such}\"\n").join("\n");
    assert!(
        problems.contains("the environment variable `NO` is not set"),
        "{problems}"
    );
    assert!(
        problems.contains("the file `no/such`: No such file"),
        "{problems}"
    );
}

#[test]
fn a_secret_that_looks_like_a_variable_is_not_shown() {
    for secret in [
        "${hunter2}",
        "${file:hunter2}",
        "a${hunter2}b",
        "${hunter2",
        "${hunter2 }",
    ] {
        for table in ["[kafka]", "[clusters.prod.kafka]", "[kafak]"] {
            assert_no_secret(&format!(
                "{ARCHIVE}{table}\n\"sasl.password\" = \"{secret}\"\n"
            ));
        }
    }
    let text = format!(
        "{ARCHIVE}[kafka]\n\"sasl.password\" = \"hunter2${{NO}}${{}}${{file:no/such}}${{hunter2 \"\n"
    );
    assert_eq!(
        report(&text),
        r#"error: the environment variable that a `${…}` in here names is not set
 --> topics.toml:6:19
  |
6 | "sasl.password" = ***
  |                   ^^^
  |
  = help: set it, or write `$${` if a plain `${` is meant

error: `${}` names nothing
 --> topics.toml:6:19
  |
6 | "sasl.password" = ***
  |                   ^^^
  |
  = help: `${NAME}` is a variable of the environment, `${file:PATH}` what a file holds, `$${` a plain `${`

error: reading the value from the file that a `${file:…}` in here names: No such file or directory (os error 2)
 --> topics.toml:6:19
  |
6 | "sasl.password" = ***
  |                   ^^^
  |
  = help: the path is relative to the working directory

error: `${` without its `}`
 --> topics.toml:6:19
  |
6 | "sasl.password" = ***
  |                   ^^^
  |
  = help: `${NAME}` is a variable of the environment, `${file:PATH}` what a file holds, `$${` a plain `${`"#
    );
}

#[test]
fn what_is_not_secret_is_shown_however_it_is_written() {
    let text = r#"
limits.memory = "1" # too small
archive = [ { broker = "bare", topic = "t", file = "f" } ]
clusters = { c = { broker = "bad", kafka = { "client.id" = "c" } } }
"#;
    assert_eq!(
        report(text),
        r#"error: `memory` is too small
 --> topics.toml:2:17
  |
2 | limits.memory = "1" #***
  |                 ^^^ at least "16MiB"

error: `bare` is neither a cluster nor `host:port`
 --> topics.toml:3:24
  |
3 | archive = [ { broker = "bare", topic = "t", file = "f" } ]
  |                        ^^^^^^ the port is missing
  |
  = help: write `host:port[,host:port...]`, or the name of a `[clusters.NAME]` table

error: `bad` is no bootstrap list
 --> topics.toml:4:29
  |
4 | clusters = { c = { broker = "bad", kafka = { "client.id" = *** } } }
  |                             ^^^^^ the port is missing
  |
  = help: write `host:port[,host:port...]`"#
    );
}

#[test]
fn what_stands_in_the_place_of_a_table_is_masked() {
    for key in ["archive", "defaults", "limits", "clusters", "kafka"] {
        for value in [
            "\"hunter2\"",
            "[\"hunter2\"]",
            "{ a = \"hunter2\" }",
            "{ a = { b = \"hunter2\" } }",
        ] {
            assert_no_secret(&format!("{key} = {value}\n"));
            assert_no_secret(&format!(
                "[clusters.prod]\n{key} = {value}\n{ARCHIVE}{key} = {value}\n"
            ));
        }
    }
}

#[test]
fn comments_and_what_stands_on_several_lines_are_masked() {
    let text = format!(
        "{ARCHIVE}start = \"\"\"\nhunter2\"\"\" # hunter2\n\"a#b\" = \"hunter2\" # hunter2\nflush = \"#\" # hunter2\n"
    );
    assert_no_secret(&text);
    let report = report(&text);
    assert!(report.contains("flush = \"#\" #***"), "{report}");
}

#[test]
fn a_cluster_is_printed_without_its_values() {
    let config = loaded(SECRETS);
    let shown = format!("{:?}", config.clusters);
    assert!(shown.contains("sasl.password"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn secrets_written_in_the_wrong_way_are_masked() {
    for line in [
        "\"sasl.password\" = hunter2",
        "\"sasl.password\" = \"hunter2",
        "\"sasl.password\" = 'hunter2",
        "\"sasl.password\" = \"a\"hunter2\"b\"",
        "\"sasl.password\" = \"\\hunter2\"",
        "\"sasl.password\" = a#hunter2",
        "\"sasl.password\" = a=hunter2=",
        "\"sasl.password\" = {hunter2=1",
        "\"sasl.password\" = a,hunter2=1",
        "\"sasl.password\" \"hunter2\"",
        "\"sasl.password\": \"hunter2\"",
        "sasl.password: hunter2",
        "sasl.password hunter2",
        "\"sasl.password\" = hun.ter2.hunter2",
        "\"ssl.key.pem\" = \"-----BEGIN\nhunter2==\n-----END\"",
        "\"ssl.key.pem\" = -----BEGIN\nhunter2 = =\n",
        "\"ssl.key.pem\" = \"\"\"\nhunter2",
        "\"ssl.key.pem\" = \"\"\nhunter2\n\"\"\"",
        "x = [\n\"hunter2\",\n",
        "\"sasl.password\" =\nhunter2\n",
        "\"sasl.password\" =\n\"hunter2\"\n",
    ] {
        for table in [
            "[kafka]",
            "[clusters.prod.kafka]",
            "[kafak]",
            "[kafka",
            "kafka]",
            "",
        ] {
            assert_no_secret(&format!("{table}\n{line}\n{ARCHIVE}"));
            assert_no_secret(&format!("{ARCHIVE}{table}\n{line}\n"));
        }
    }
}

#[test]
fn no_damage_to_a_file_brings_a_secret_to_light() {
    assert_no_secret(SECRETS);
    let spared: Vec<_> = SECRETS.match_indices("hunter2").map(|(at, _)| at).collect();
    for at in 0..SECRETS.len() {
        if spared
            .iter()
            .any(|secret| (secret + 1..secret + 7).contains(&at))
        {
            continue;
        }
        if !spared.contains(&at) {
            assert_no_secret(&format!("{}{}", &SECRETS[..at], &SECRETS[at + 1..]));
        }
        // Within a word one place is as good as another.
        let before = SECRETS[..at].bytes().next_back().unwrap_or(b' ');
        if before.is_ascii_alphanumeric() && SECRETS.as_bytes()[at].is_ascii_alphanumeric() {
            continue;
        }
        for put in [
            "\"", "'", "[", "]", "{", "}", "=", "#", ",", ".", "\n", "\\", "\"\"\"", " = ", "$",
        ] {
            assert_no_secret(&format!("{}{put}{}", &SECRETS[..at], &SECRETS[at..]));
        }
        // The rest of the line lost, or all that follows.
        let end = SECRETS[at..]
            .find('\n')
            .map_or(SECRETS.len(), |end| at + end);
        assert_no_secret(&format!("{}{}", &SECRETS[..at], &SECRETS[end..]));
        assert_no_secret(&SECRETS[..at]);
        assert_no_secret(&SECRETS[at..]);
    }
}
