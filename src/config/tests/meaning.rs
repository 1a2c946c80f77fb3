use std::path::{Path, PathBuf};
use std::time::Duration;

use archiver_format::compression::Compression;
use archiver_format::envelope::ValueAs;
use archiver_format::line::{Format, Newline};
use jiff::tz::TimeZone;

use super::super::{Corrupt, Existing, Start, load};
use super::{ARCHIVE, loaded};
use crate::moment::Moment;
use crate::world::fs::real::FileMode;

#[test]
fn an_archive_of_three_keys_gets_the_defaults() {
    let config = loaded(
        "[[archive]]\nbroker = \"localhost:9092\"\ntopic = \"metrics\"\nfile = \"save_data/metrics.ndjson\"\n",
    );
    assert_eq!(config.shutdown_timeout, Duration::from_secs(30));
    assert_eq!(config.memory_bytes, 256 << 20);
    let [cluster] = config.clusters.as_slice() else {
        panic!("{:?}", config.clusters)
    };
    assert_eq!(cluster.name, "localhost:9092");
    assert_eq!(cluster.bootstrap, "localhost:9092");
    assert_eq!(cluster.commit_group, None);
    assert_eq!(cluster.connections, None);
    assert!(cluster.properties.is_empty());
    let [archive] = config.archives.as_slice() else {
        panic!("{:?}", config.archives)
    };
    assert_eq!(archive.name, "metrics");
    assert_eq!(archive.topic, "metrics");
    assert_eq!(archive.cluster, *cluster);
    assert_eq!(archive.file, Path::new("save_data/metrics.ndjson"));
    assert_eq!(archive.state, Path::new("save_data/.archiver/metrics"));
    assert_eq!(archive.start, Start::Latest);
    assert_eq!(archive.flush, Duration::from_secs(1));
    assert_eq!(archive.checkpoint, Duration::from_secs(5));
    assert_eq!(archive.compression, Compression::None);
    assert_eq!(archive.format, Format::Raw(Newline::Space));
    assert_eq!(archive.existing, Existing::Refuse);
    assert_eq!(archive.file_mode, None);
    assert_eq!(archive.corrupt, Corrupt::Wait);
    assert!(archive.template.is_fixed());
    assert_eq!(archive.template.zone(), &TimeZone::UTC);
    assert!(archive.rotation.is_never());
    assert_eq!(archive.open_files, 16);
    assert!(!archive.seal_on_stop);
    assert!(archive.index);
}

#[test]
fn defaults_hold_where_an_archive_says_nothing() {
    let config = loaded(
        r#"
state_dir = "/not/there/state"
shutdown_timeout = "1m30s"
[limits]
memory = "1GiB"
[defaults]
start = "earliest"
flush = "250ms"
checkpoint = "1m"
compression = "gzip"
compression_level = 9
newline = "escape"
existing = "append"
file_mode = "0600"
corrupt = "skip"
[[archive]]
broker = "h:1"
topic = "a"
file = "a"
[[archive]]
broker = "h:1"
topic = "b"
file = "b"
name = "bee"
start = "latest"
flush = "1s"
checkpoint = "2s"
compression = "zstd"
compression_level = 19
newline = "fail"
existing = "refuse"
file_mode = "664"
corrupt = "wait"
[[archive]]
broker = "h:1"
topic = "c"
file = "c"
compression = "none"
"#,
    );
    assert_eq!(config.shutdown_timeout, Duration::from_secs(90));
    assert_eq!(config.memory_bytes, 1 << 30);
    let [a, b, c] = config.archives.as_slice() else {
        panic!("{:?}", config.archives)
    };
    assert_eq!(a.state, Path::new("/not/there/state/a"));
    assert_eq!(a.start, Start::Earliest);
    assert_eq!(a.flush, Duration::from_millis(250));
    assert_eq!(a.checkpoint, Duration::from_secs(60));
    assert_eq!(a.compression, Compression::Gzip(9));
    assert_eq!(a.format, Format::Raw(Newline::Escape));
    assert_eq!(a.existing, Existing::Append);
    assert_eq!(a.file_mode, FileMode::new(0o600));
    assert_eq!(a.corrupt, Corrupt::Skip);
    assert_eq!(b.name, "bee");
    assert_eq!(b.state, Path::new("/not/there/state/bee"));
    assert_eq!(b.start, Start::Latest);
    assert_eq!(b.flush, Duration::from_secs(1));
    assert_eq!(b.checkpoint, Duration::from_secs(2));
    assert_eq!(b.compression, Compression::Zstd(19));
    assert_eq!(b.format, Format::Raw(Newline::Fail));
    assert_eq!(b.existing, Existing::Refuse);
    assert_eq!(b.file_mode, FileMode::new(0o664));
    assert_eq!(b.corrupt, Corrupt::Wait);
    // The default level is for those that compress.
    assert_eq!(c.compression, Compression::None);
}

#[test]
fn a_start_in_time_is_by_the_clock_of_the_archives_zone() {
    let start = |typed: &str| {
        let config = loaded(&format!("{ARCHIVE}{typed}\n"));
        config.archives[0].start
    };
    let at = |ms| Start::Since(Moment::At(ms));
    let nine = "start = \"2026-11-20 09:00\"";
    assert_eq!(start(nine), at(1_795_165_200_000));
    let berlin = format!("{nine}\ntimezone = \"Europe/Berlin\"");
    assert_eq!(start(&berlin), at(1_795_161_600_000));
    let defaults = format!("[defaults]\n{nine}\n{ARCHIVE}timezone = \"Europe/Berlin\"\n");
    assert_eq!(loaded(&defaults).archives[0].start, at(1_795_161_600_000));
    let with_offset = "start = \"2026-11-20T09:00:00Z\"\ntimezone = \"Europe/Berlin\"";
    assert_eq!(start(with_offset), at(1_795_165_200_000));
    assert_eq!(start("start = \"1795165200\""), at(1_795_165_200_000));
    let ago = Moment::Ago(Duration::from_secs(600));
    assert_eq!(start("start = \"-10m\""), Start::Since(ago));
    assert_eq!(start("start = \"10m ago\""), Start::Since(ago));
    assert_eq!(start("start = \"last:1000\""), Start::Last(1000));
}

#[test]
fn a_default_for_the_other_format_is_for_other_archives() {
    let config = loaded(
        r#"
[defaults]
format = "json"
newline = "escape"
value_as = "json"
[[archive]]
broker = "h:1"
topic = "a"
file = "a"
[[archive]]
broker = "h:1"
topic = "b"
file = "b"
format = "raw"
[[archive]]
broker = "h:1"
topic = "c"
file = "c"
value_as = "string"
"#,
    );
    let formats = config.archives.iter().map(|archive| archive.format);
    assert_eq!(
        formats.collect::<Vec<_>>(),
        [
            Format::Json(ValueAs::Json),
            Format::Raw(Newline::Escape),
            Format::Json(ValueAs::String),
        ]
    );
}

#[test]
fn the_ending_decides_the_compression() {
    for (file, compression) in [
        ("a.gz", Compression::Gzip(1)),
        ("a.ndjson.zst", Compression::Zstd(1)),
        ("a.ndjson", Compression::None),
        ("gz", Compression::None),
    ] {
        let text = format!("[[archive]]\nbroker = \"h:1\"\ntopic = \"t\"\nfile = \"{file}\"\n");
        assert_eq!(loaded(&text).archives[0].compression, compression, "{file}");
    }
}

#[test]
fn a_file_without_a_directory_has_its_state_beside_it() {
    let text = ARCHIVE.replace("not-there/t", "t.ndjson");
    assert_eq!(loaded(&text).archives[0].state, Path::new(".archiver/t"));
}

#[test]
fn archives_on_one_bootstrap_list_share_a_cluster() {
    let config = loaded(
        r#"
archive = [
    { broker = "h:1,i:2", topic = "a", file = "a" },
    { broker = "h:1, i:2", topic = "b", file = "b" },
    { broker = "prod", topic = "c", file = "c" },
    { broker = "prod", topic = "d", file = "d" },
]
[clusters]
prod = { broker = "h:1,i:2", commit_group = "g", connections = 3 }
unused = { broker = "u:1" }
"#,
    );
    let clusters: Vec<&str> = config
        .archives
        .iter()
        .map(|archive| archive.cluster.name.as_str())
        .collect();
    assert_eq!(clusters, ["h:1,i:2", "h:1,i:2", "prod", "prod"]);
    let names: Vec<&str> = config
        .clusters
        .iter()
        .map(|cluster| cluster.name.as_str())
        .collect();
    assert_eq!(names, ["h:1,i:2", "prod"]);
    let prod = &config.clusters[1];
    assert_eq!(prod.commit_group.as_deref(), Some("g"));
    assert_eq!(prod.connections.map(std::num::NonZeroUsize::get), Some(3));
}

#[test]
fn a_clusters_properties_come_before_those_of_every_cluster() {
    let config = loaded(&format!(
        r#"
[kafka]
"socket.timeout.ms" = 5000
"client.id" = "everywhere"
socket.keepalive.enable = true
[clusters.prod]
broker = "SSL://p:1"
[clusters.prod.kafka]
"client.id" = "here"
security.protocol = "SSL"
{ARCHIVE}
[[archive]]
broker = "prod"
topic = "u"
file = "u"
"#
    ));
    let properties = |index: usize| {
        let properties = config.clusters[index].properties.iter();
        properties
            .map(|(key, value)| format!("{key}={value}"))
            .collect::<Vec<_>>()
    };
    let shared = ["socket.keepalive.enable=true", "socket.timeout.ms=5000"];
    assert_eq!(
        properties(0),
        ["client.id=everywhere", shared[0], shared[1]]
    );
    assert_eq!(
        properties(1),
        [
            "client.id=here",
            "security.protocol=SSL",
            shared[0],
            shared[1]
        ]
    );
}

#[test]
fn any_string_can_take_a_value_from_elsewhere() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("topic");
    std::fs::write(&path, "metrics\n").unwrap();
    let config = loaded(&format!(
        r#"
shutdown_timeout = "${{NUMBER}}"
[kafka]
"client.id" = "a-${{NUMBER}}-$${{b}}"
[[archive]]
broker = "${{BROKER}}"
topic = "${{file:{path}}}"
file = "not-there/${{NUMBER}}/t"
"#,
        path = path.display()
    ));
    assert_eq!(config.shutdown_timeout, Duration::from_secs(7));
    assert_eq!(config.clusters[0].bootstrap, "kafka-9:9099");
    assert_eq!(config.clusters[0].properties["client.id"], "a-7s-${b}");
    assert_eq!(config.archives[0].topic, "metrics");
    assert_eq!(config.archives[0].file, PathBuf::from("not-there/7s/t"));
}

#[test]
fn a_byte_order_mark_and_windows_newlines_are_no_trouble() {
    let text = format!("\u{feff}{}", ARCHIVE.replace('\n', "\r\n"));
    assert_eq!(loaded(&text).archives.len(), 1);
}

#[test]
fn a_file_that_cannot_be_read_is_one_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("topics.toml");
    let shown = path.display();
    let says = |why: &str| {
        let error = load(&path).unwrap_err().to_string();
        let expected = format!(
            "reading the configuration {shown}: {why}; `-c FILE` names another file, `-c -` is standard input"
        );
        assert_eq!(error, expected);
    };
    says("No such file or directory (os error 2)");
    std::fs::write(&path, b"a = 1\nb = \"\xff\"\n").unwrap();
    says("not UTF-8 in line 2");
    std::fs::write(&path, ARCHIVE).unwrap();
    assert_eq!(load(&path).unwrap().archives.len(), 1);
}

#[test]
fn changed_archives_are_told_from_unchanged_ones() {
    let with = |password: &str, flush: &str, before: &str| {
        loaded(&format!(
            r#"
[clusters.prod]
broker = "p:1"
kafka = {{ "sasl.password" = "{password}" }}
{before}
[[archive]]
broker = "prod"
topic = "a"
file = "not-there/a"
flush = "{flush}"
{ARCHIVE}"#
        ))
    };
    let other = "[[archive]]\nbroker = \"other:1\"\ntopic = \"u\"\nfile = \"not-there/u\"\n";
    let (old, same) = (with("x", "1s", ""), with("x", "1000ms", other));
    assert_eq!(old.archives, same.archives[1..]);
    assert_ne!(old, same);
    let new = with("y", "1s", "");
    assert_ne!(old.archives[0], new.archives[0]);
    assert_eq!(old.archives[1], new.archives[1]);
    let new = with("x", "2s", "");
    assert_ne!(old.archives[0], new.archives[0]);
    assert_eq!(old.clusters, new.clusters);
}
