//! How archives are cut into segments, and what is said where they can't be.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use archiver_format::compression::Compression;
use archiver_format::template::Values;

use super::super::Rotation;
use super::{loaded, report, summary};

/// An archive with this file and these keys.
fn archive(file: &str, keys: &str) -> String {
    format!("[[archive]]\nbroker = \"h:1\"\ntopic = \"t\"\nfile = \"{file}\"\n{keys}")
}

#[test]
fn topic_and_name_are_filled_in_and_the_state_lies_where_all_paths_are() {
    let keys = "name = \"n\"\ntimezone = \"Asia/Kathmandu\"\nopen_files = 3\nindex = false\nseal_on_stop = true\n";
    let config = loaded(&archive(
        "not-there/{topic}/{name}/{time:%F/%H}/{seq:06}.gz",
        keys,
    ));
    let archive = &config.archives[0];
    assert_eq!(
        archive.file,
        Path::new("not-there/t/n/{time:%F/%H}/{seq:06}.gz")
    );
    assert_eq!(archive.state, Path::new("not-there/t/n/.archiver/n"));
    assert_eq!(archive.compression, Compression::Gzip(1));
    assert_eq!(archive.open_files, 3);
    assert!(archive.seal_on_stop && !archive.index);
    let values = Values {
        time_ms: Some(0),
        ..Values::default()
    };
    let path = archive.template.path(&values);
    assert_eq!(path, Path::new("not-there/t/n/1970-01-01/05/000000.gz"));
}

#[test]
fn a_file_without_placeholders_is_what_it_was() {
    for (file, expected) in [("not-there/{topic}.gz", "not-there/t.gz"), ("{{a}}", "{a}")] {
        let config = loaded(&archive(file, ""));
        assert_eq!(config.archives[0].file, Path::new(expected));
        assert!(config.archives[0].template.is_fixed());
    }
}

#[test]
fn rotation_is_the_archives_own_or_that_of_the_defaults() {
    let inline =
        "[defaults]\nrotate = { size = \"256MiB\", every = \"2d\", min_size = \"1MiB\" }\n";
    let table = "[defaults.rotate]\nsize = \"256MiB\"\nevery = \"48h\"\nmin_size = \"1MiB\"\n";
    let default = Rotation {
        bytes: Some(256 << 20),
        every: Some(Duration::from_hours(48)),
        bytes_min: 1 << 20,
        ..Rotation::default()
    };
    let of = |defaults: &str, keys: &str| {
        let text = format!("{defaults}{}", archive("{seq}", keys));
        loaded(&text).archives[0].rotation
    };
    assert_eq!(of(inline, ""), default);
    assert_eq!(of(table, ""), default);
    let own = Rotation {
        records: Some(5),
        idle: Some(Duration::from_mins(10)),
        ..Rotation::default()
    };
    assert_eq!(of(table, "rotate = { records = 5, idle = \"10m\" }\n"), own);
    assert_eq!(
        of(table, "[archive.rotate]\nrecords = 5\nidle = \"10m\"\n"),
        own
    );
    assert!(of(table, "rotate = {}\n").is_never());
}

#[test]
fn each_zone_is_found_with_or_without_the_systems_database() {
    for zone in ["UTC", "Europe/Berlin", "America/St_Johns"] {
        let config = loaded(&archive("a", &format!("timezone = \"{zone}\"\n")));
        assert_eq!(config.archives[0].template.zone().iana_name(), Some(zone));
    }
    let bundled = jiff::tz::TimeZoneDatabase::bundled();
    assert!(bundled.get("Europe/Berlin").is_ok());
    let known = "is no time zone that is known here";
    let help = "an IANA name such as \"Europe/Berlin\", as in /usr/share/zoneinfo, or \"UTC\", or \"local\"";
    assert_eq!(
        summary(&archive("a", "timezone = \"Europe/Berln\"\n")),
        [format!(
            "`Europe/Berln` {known} | did you mean \"Europe/Berlin\"? | {help}"
        )]
    );
    assert_eq!(
        summary(&archive("a", "timezone = \"../../etc/passwd\"\n")),
        [format!("`../../etc/passwd` {known} | {help}")]
    );
}

#[test]
fn a_template_that_means_nothing_is_shown_with_what_was_meant() {
    let known = "known are {topic}, {name}, {partition}, {seq:06}, {opened:%Y%m%d-%H%M%S}, {time:%Y-%m-%d/%H}; `{{` is a brace";
    assert_eq!(
        summary(&archive("a-{sec:06}", "")),
        [format!(
            "unknown placeholder `{{sec}}` in column 3 | did you mean `{{seq}}`? | {known}"
        )]
    );
    assert_eq!(
        report(&archive("data.d/{time:%Y-%m-%d/%H}.ndjson.gz", "")),
        r#"error: `{time}` in column 8 needs `{seq}`, or two segments could get one name
 --> topics.toml:4:8
  |
4 | file = "data.d/{time:%Y-%m-%d/%H}.ndjson.gz"
  |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: add `{seq:06}` to the file's name: `file = "data.d/{time:%Y-%m-%d/%H}-{seq:06}.ndjson.gz"`"#
    );
    // What came from elsewhere is not told.
    let sequence = "add `{seq:06}` to the file's name";
    assert_eq!(
        summary(&archive("${SECRET}{time:%H}", "")),
        [format!(
            "`{{time}}` in column 8 needs `{{seq}}`, or two segments could get one name | {sequence}"
        )]
    );
    assert_eq!(
        summary(&archive("{${SECRET}}", "")),
        ["unknown placeholder in column 1"]
    );
}

#[test]
fn what_begins_new_segments_needs_numbers_in_their_names() {
    let says = |key: &str| {
        format!("`{key}` needs `{{seq}}` in `file`, or two segments could get one name")
    };
    let add = "add `{seq:06}` to the file's name: `file = \"a-{seq:06}.gz\"`";
    for (key, off, value) in [
        ("rotate", "{}", "{ records = 5 }"),
        ("seal_on_stop", "false", "true"),
        ("on_seal", "[]", "[\"upload\"]"),
    ] {
        let typed = format!("{key} = {value}\n");
        assert_eq!(
            summary(&archive("a.gz", &typed)),
            [format!("{} | {add}", says(key))]
        );
        let text = format!("[defaults]\n{typed}{}", archive("a.gz", ""));
        let or = format!("or write `{key} = {off}` for this archive");
        assert_eq!(
            summary(&text),
            [format!("{} | without `{{seq}}` | {or} | {add}", says(key))]
        );
        let text = format!(
            "[defaults]\n{typed}{}",
            archive("a.gz", &format!("{key} = {off}\n"))
        );
        loaded(&text);
        loaded(&archive("a-{seq}.gz", &typed));
    }
    // One for each partition, for ever.
    loaded(&archive("p{partition}.gz", ""));
    // It says nothing by itself.
    loaded(&archive("a.gz", "open_files = 2\ntimezone = \"UTC\"\n"));
}

#[test]
fn a_command_is_a_list_of_words() {
    let of = |defaults: &str, keys: &str| {
        let text = format!("{defaults}{}", archive("{seq}", keys));
        let on_seal = loaded(&text).archives[0].on_seal.clone();
        on_seal.map(|on_seal| (on_seal.words.join("|"), on_seal.timeout))
    };
    let minutes = |count| Duration::from_mins(count);
    let words = "on_seal = [\"sh\", \"-c\", \"\", \"${SECRET}\"]\n";
    assert_eq!(of("", words), Some(("sh|-c||hunter2".into(), minutes(5))));
    let defaults = "[defaults]\non_seal = [\"a\"]\non_seal_timeout = \"1m\"\n";
    assert_eq!(of(defaults, ""), Some(("a".into(), minutes(1))));
    assert_eq!(
        of(defaults, "on_seal_timeout = \"2m\"\n"),
        Some(("a".into(), minutes(2)))
    );
    assert_eq!(of(defaults, "on_seal = []\n"), None);
    assert_eq!(of("", ""), None);
    for (typed, said) in [
        (
            "on_seal = \"upload it\"",
            "expected a list of words such as [\"/usr/local/bin/upload\", \"--quiet\"], found a string",
        ),
        (
            "on_seal = [\"\", \"a\"]",
            "`on_seal` begins with an empty word, where a program should be",
        ),
        (
            "on_seal = [\"a\\u0000\"]",
            "`on_seal` has a zero byte in it",
        ),
        (
            "on_seal = [\"a\", 5]",
            "expected a word, a string, found an integer",
        ),
        (
            "on_seal_timeout = \"1m\"",
            "`on_seal_timeout` without `on_seal` | leave it out, or say in `on_seal` which command is run",
        ),
    ] {
        let found = summary(&archive("{seq}", &format!("{typed}\n")));
        assert_eq!(found, [said], "{typed}");
    }
    // An argument may be a secret.
    let config = loaded(&archive("{seq}", words));
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn parts_of_a_rotation_go_together() {
    let rotate = |typed: &str| {
        let own = summary(&archive("{seq}", &format!("rotate = {{ {typed} }}\n")));
        // Said once, though there are two archives.
        let both = [archive("a-{seq}", ""), archive("b-{seq}", "name = \"b\"\n")].concat();
        assert_eq!(
            summary(&format!("defaults.rotate = {{ {typed} }}\n{both}")),
            own
        );
        own
    };
    assert_eq!(
        rotate("min_size = \"1MiB\""),
        ["`min_size` without `every` | it only keeps `every` from cutting small segments"]
    );
    assert_eq!(
        rotate("min_size = \"2MiB\", size = \"1MiB\", every = \"1h\""),
        ["`min_size` is larger than `size` | ------ a segment ends here in any case"]
    );
    for every in ["7m", "5h", "25h", "1d1s"] {
        assert_eq!(
            rotate(&format!("every = \"{every}\"")),
            [
                "`every` neither divides a day nor is whole days | it follows the clock, day by day: write \"15m\", \"1h\", \"6h\" or \"1d\", for example"
            ]
        );
    }
    assert_eq!(
        rotate("every = \"500ms\""),
        ["`every` is out of its limits | 1s to 8784h are possible"]
    );
    assert_eq!(
        rotate("evry = \"1h\""),
        ["unknown key `evry` in `rotate` | did you mean `every`?"]
    );
    assert_eq!(
        summary(&archive("{seq}", "size = \"1MiB\"\n")),
        ["unknown key `size` in an `[[archive]]` | it belongs in `rotate`"]
    );
    assert_eq!(
        summary(&archive("{seq}", "rotate = 5\nindex = 1\n")),
        [
            "expected a table, `rotate = { ... }`, found an integer",
            "expected `true` or `false`, found an integer"
        ]
    );
    assert_eq!(
        summary(&archive("a-{seq}", "existing = \"append\"\n")),
        ["`existing = \"append\"` with a placeholder in `file` | leave it out"]
    );
}

#[test]
fn archives_that_could_give_one_path_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    std::fs::create_dir(root.join("real")).unwrap();
    symlink("real", root.join("link")).unwrap();
    let both = |first: &str, second: &str| {
        let archive = |topic: &str, file: &str| {
            let file = root.join(file);
            let file = file.display();
            format!("[[archive]]\nbroker = \"h:1\"\ntopic = \"{topic}\"\nfile = \"{file}\"\n")
        };
        [archive("t", first), archive("u", second)].concat()
    };
    let says = "two archives write to one file | the second";
    for (first, second) in [
        ("a/{seq}", "a/{seq}"),
        ("a/{seq}", "a/{seq:06}"),
        ("real/{seq}", "link/./{seq}"),
        ("a/{time:%d}-{seq}", "a/{opened:%d}-{seq}"),
        ("{topic}-{seq}", "t-{seq}"),
    ] {
        assert_eq!(summary(&both(first, second)), [says], "{first} {second}");
    }
    loaded(&both("{topic}/{seq}", "{topic}/{seq}"));
    loaded(&both("{topic}-{seq}", "{topic}-{seq}"));
}

#[test]
fn segments_lie_where_files_can_be() {
    let of = |file: &str, topic: &str| {
        summary(&format!(
            "[[archive]]\nbroker = \"h:1\"\ntopic = \"{topic}\"\nfile = \"{file}\"\n"
        ))
    };
    assert_eq!(
        of("data/{topic}/{seq}", ".archiver"),
        ["the path leads into a directory `.archiver`, where checkpoints are kept"]
    );
    assert_eq!(
        of("data/{seq}.part", "t"),
        ["the path ends in `.part`, as segments do while they grow"]
    );
    let long = format!("{}-{{seq}}", "x".repeat(240));
    let found = of(&long, "t");
    assert!(
        found[0].ends_with("a name in this path is longer than 255 bytes"),
        "{found:?}"
    );
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let found = of(&format!("{}/x/{{seq}}", file.display()), "t");
    assert!(
        found[0].ends_with("a file stands where a directory would have to be"),
        "{found:?}"
    );
    // Only what is wrong with the topic is said.
    let found = of("data/{topic}/{seq}", "a/b");
    assert!(
        found.len() == 1 && found[0].starts_with("a topic can't be named"),
        "{found:?}"
    );
}
