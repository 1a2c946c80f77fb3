//! What is right by itself and wrong together.

use std::os::unix::fs::symlink;

use super::{ARCHIVE, report, summary};

#[test]
fn archives_that_would_commit_over_each_other_are_refused() {
    let archive = |cluster: &str, name: &str| {
        format!(
            "[[archive]]\nbroker = \"{cluster}\"\ntopic = \"t\"\nname = \"{name}\"\nfile = \"{name}\"\n"
        )
    };
    let cluster = |name: &str, group: &str| {
        format!("[clusters.{name}]\nbroker = \"h:1\"\ncommit_group = \"{group}\"\n")
    };
    let says = "two archives commit offsets of one topic to one group | the second | the commits would overwrite each other: let one of them name a cluster table with another `commit_group`, or with none";
    let text = [cluster("a", "g"), archive("a", "x"), archive("a", "y")].concat();
    assert_eq!(summary(&text), [says]);
    let text = [
        cluster("a", "g"),
        cluster("b", "g"),
        archive("a", "x"),
        archive("b", "y"),
    ]
    .concat();
    assert_eq!(summary(&text), [says]);
    let text = [
        cluster("a", "g"),
        cluster("b", "i"),
        archive("a", "x"),
        archive("b", "y"),
    ]
    .concat();
    super::loaded(&text);
}

#[test]
fn two_archives_on_one_file_are_found_through_links() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    std::fs::create_dir(root.join("real")).unwrap();
    std::fs::write(root.join("real/a"), "").unwrap();
    std::fs::hard_link(root.join("real/a"), root.join("hard")).unwrap();
    symlink("real", root.join("link")).unwrap();
    symlink(root.join("later"), root.join("early")).unwrap();
    let both = |first: &str, second: &str| {
        let archive = |topic: &str, file: &str| {
            let file = root.join(file);
            let file = file.display();
            format!("[[archive]]\nbroker = \"h:1\"\ntopic = \"{topic}\"\nfile = \"{file}\"\n")
        };
        summary(&[archive("t", first), archive("u", second)].concat())
    };
    let says = "two archives write to one file | the second";
    assert_eq!(both("real/a", "link/a"), [says]);
    assert_eq!(both("real/b", "link/b"), [says]);
    assert_eq!(both("later/b", "early/b"), [says]);
    assert_eq!(both("real/b", "real/none/../b"), [says]);
    assert_eq!(
        both("real/a", "hard"),
        [format!("{says} | they are hard links to one file")]
    );
    let directory = "records can't go to";
    let found = both("real", "hard/x");
    assert!(found[0].starts_with(directory), "{found:?}");
    assert!(
        found[0].ends_with("| this is a directory, not a file"),
        "{found:?}"
    );
    assert!(
        found[1].ends_with("| a file stands where a directory would have to be"),
        "{found:?}"
    );
    assert_eq!(
        std::fs::read_dir(root).unwrap().count(),
        4,
        "something was created"
    );
}

#[test]
fn files_and_checkpoints_stay_apart() {
    let says = "this file is where checkpoints are kept";
    let help = "let it lie outside of `.archiver` and of `state_dir`";
    let archives = |second: &str| {
        format!("{ARCHIVE}[[archive]]\nbroker = \"h:1\"\ntopic = \"u\"\nfile = \"{second}\"\n")
    };
    for file in [
        "not-there/.archiver/t/x",
        "not-there/.archiver/t",
        "not-there/.archiver",
        // Of no archive, as yet.
        "not-there/.archiver/other/x",
        "elsewhere/.archiver/x",
        "elsewhere/../.archiver/x/y",
    ] {
        assert_eq!(
            summary(&archives(file)),
            [format!("{says} | {help}")],
            "{file}"
        );
    }
    super::loaded(&archives("not-there/.archiver-not/x"));
    super::loaded(&archives("not-there/.archiver2"));
    let text = format!("state_dir = \"not-there/t\"\n{ARCHIVE}");
    assert_eq!(summary(&text), [format!("{says} | {help}")]);

    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("state");
    std::fs::write(&place, "").unwrap();
    let text = format!("state_dir = \"{}\"\n{ARCHIVE}", place.display());
    let blocked = "a state directory can't be made: something else stands in its place";
    assert_eq!(summary(&text), [blocked]);
}

#[test]
fn a_path_that_no_file_can_have_is_refused() {
    let archive =
        |file: &str| format!("[[archive]]\nbroker = \"h:1\"\ntopic = \"t\"\nfile = \"{file}\"\n");
    let state = |dir: &str| format!("state_dir = \"{dir}\"\n{ARCHIVE}");
    let of = |bytes: usize| "x".repeat(bytes);
    let path = |bytes: usize| format!("{}{}", "x/".repeat(bytes / 2), of(bytes % 2));
    super::loaded(&archive(&of(255)));
    super::loaded(&archive(&path(3901)));
    super::loaded(&state(&of(255)));
    super::loaded(&state(&path(4000)));

    let assert_says = |text: &str, message: &str, label: &str| {
        let found = summary(text);
        assert_eq!(found.len(), 1, "{found:?}");
        // Between them stands the underline.
        assert!(found[0].starts_with(message), "{found:?}");
        assert!(found[0].ends_with(label), "{found:?}");
    };
    let no_file = "records can't go to `x";
    for file in [of(256), of(300), format!("{}/x", of(256))] {
        let label = " a name in this path is longer than 255 bytes";
        assert_says(&archive(&file), no_file, label);
    }
    let label = " this path is longer than 4095 bytes";
    assert_says(&archive(&path(4097)), no_file, label);

    let no_state = "a state directory can't be made: its path is longer than 4095 bytes with what is \
                    kept in it";
    // It can be had, but beside it there is no room for the state.
    let label = " it would be in `.archiver` beside this file";
    assert_says(&archive(&path(4095)), no_state, label);
    assert_says(&state(&path(4020)), no_state, "");
    let no_state = "a state directory can't be made: a name in its path is longer than 255 bytes";
    assert_says(&state(&of(256)), no_state, "");
}

#[test]
fn properties_are_asked_of_librdkafka() {
    let says = |property: &str| summary(&format!("{ARCHIVE}[kafka]\n{property}\n"));
    assert_eq!(
        says("\"enable.auto.commit\" = true"),
        [
            "`enable.auto.commit` is archiver's own | the local checkpoint decides where reading goes on"
        ]
    );
    assert_eq!(
        says("bootstrap.servers = \"h:1\""),
        ["`bootstrap.servers` is archiver's own | use `broker`"]
    );
    assert_eq!(
        says("\"fetch.max.bytes\" = 1"),
        ["`fetch.max.bytes` is archiver's own | it follows from `memory` in `[limits]`"]
    );
    assert_eq!(
        says("\"session.timout.ms\" = 1"),
        ["unknown librdkafka property `session.timout.ms` | did you mean `session.timeout.ms`?"]
    );
    assert_eq!(
        says("\"socket.timeout.ms\" = 1"),
        ["`socket.timeout.ms` can't have this value | possible: 10 to 300000"]
    );
    assert_eq!(
        says("\"sasl.username\" = \"a\\u0000\""),
        ["`sasl.username` can't have this value"]
    );
    assert_eq!(
        says("stats_cb = \"x\""),
        ["`stats_cb` can't be set in a configuration"]
    );
    assert_eq!(
        says("\"client.id\" = 1.5"),
        ["expected a string, an integer or a boolean, found a float"]
    );
    assert_eq!(
        says("client.id = \"a\"\n\"client.id\" = \"b\""),
        ["the property `client.id` is given twice"]
    );
}

#[test]
fn places_far_apart_are_shown_one_by_one() {
    let text = format!(
        "{ARCHIVE}{}{}",
        "\n".repeat(100),
        ARCHIVE.replace("-there/t", "-there/u")
    );
    assert_eq!(
        report(&text),
        r#"error: two archives are named `t`
   --> topics.toml:107:9
    |
107 | topic = "t"
    |         ^^^ the second
    |
   ::: topics.toml:3:9
    |
  3 | topic = "t"
    |         --- the first
    |
    = help: an archive is named after its topic: give one of them a `name`"#
    );
}

#[test]
fn ten_thousand_archives_are_checked_in_no_time() {
    let archives = |topic: &dyn Fn(usize) -> String| {
        let archive = |index: usize| {
            let topic = topic(index);
            format!(
                "[[archive]]\nbroker = \"h:1\" # where\ntopic = \"{topic}\"\nfile = \"not-there/{topic}\"\n"
            )
        };
        (0..10_000).map(archive).collect::<String>()
    };
    let started = std::time::Instant::now();
    assert_eq!(
        super::loaded(&archives(&|index| format!("t{index}")))
            .archives
            .len(),
        10_000
    );
    assert_eq!(summary(&archives(&|_| "t".to_owned())).len(), 19_998);
    assert!(
        started.elapsed().as_secs() < 20,
        "took {:?}",
        started.elapsed()
    );
}
