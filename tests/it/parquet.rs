//! `archiver-analyze parquet` and `views`: what was captured, as other engines find it. DuckDB reads it.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::analyze::{analyze, captured, program, rows, said, text, values};
use crate::archiver::run;
use crate::config::Config;
use crate::duckdb;
use crate::produce::{Producer, Record};
use crate::random::Random;
use crate::scene::Scene;
use crate::values::Values;
use crate::wait::{LONG, eventually};

/// Every way in which an archive may lie there.
const WAYS: [(&str, &str); 4] = [
    ("p/{partition}-{time:%H%M}-{seq}.ndjson.zst", "--all"),
    ("p/{partition}-{seq}.ndjson.gz", "--all --format json"),
    ("p/{time:%H%M}-{seq}.ndjson", "--all --format json"),
    ("p/{seq}.ndjson", "--all"),
];

/// Partition, offset, timestamp, host and data of each record, as they were sent.
fn sent() -> Vec<Value> {
    let mut next = [0; 3];
    let records = values().into_iter().enumerate().map(|(number, (ms, value))| {
        let partition = number % 3;
        let offset = next[partition];
        next[partition] += 1;
        let value = value.and_then(|value| serde_json::from_str::<Value>(&value).ok());
        let field = |name: &str| value.as_ref().map_or(Value::Null, |value| value[name].clone());
        let data = field("data").as_f64();
        json!({"partition": partition, "offset": offset, "ms": ms, "host": field("host"), "data": data})
    });
    let mut records = records.collect::<Vec<_>>();
    records.sort_by_key(|record| (record["partition"].as_i64(), record["offset"].as_i64()));
    records
}

/// The same of what lies below a directory.
fn found(scene: &Scene, directory: &str) -> Vec<Value> {
    let sql = format!(
        "SELECT \"partition\", \"offset\", epoch_ms(timestamp) AS ms, host, TRY_CAST(data AS DOUBLE) AS data \
         FROM read_parquet('{directory}/**/*.parquet', union_by_name = true) ORDER BY 1, 2"
    );
    duckdb::rows(scene.directory(), &sql)
}

/// Fails the test unless these are all records, each once. Says which is the first that is another one.
#[track_caller]
fn assert_sent(found: &[Value], of: &str) {
    let sent = sent();
    let mut pairs = found.iter().zip(&sent);
    let first = pairs.find(|(found, sent)| found != sent);
    assert!(first.is_none(), "{of}: {first:?}");
    assert_eq!(found.len(), sent.len(), "{of}");
}

/// The lines of the list of what is there.
fn manifest(scene: &Scene, directory: &str) -> Vec<Value> {
    let own = fs::read_dir(scene.path(directory).join(".archiver-analyze")).expect("is there");
    let own = own.map(|entry| entry.expect("an entry").path());
    let lists = own.map(|own| fs::read_to_string(own.join("manifest.ndjson")).unwrap_or_default());
    let lines = lists.collect::<String>();
    let lines = lines
        .split_inclusive('\n')
        .filter_map(|line| serde_json::from_str(line).ok());
    lines.collect()
}

/// Is there a file that has no name yet, or one that may have to go?
fn has_leftovers(scene: &Scene, directory: &str) -> bool {
    let own = fs::read_dir(scene.path(directory).join(".archiver-analyze")).expect("is there");
    let mut own = own.map(|entry| entry.expect("an entry").path());
    own.any(|own| {
        let mut new = fs::read_dir(own.join("new")).expect("is there");
        new.next().is_some() || own.join("pending.json").exists()
    })
}

#[test]
fn sealed_segments_become_parquet_files_with_each_record_once() {
    for (file, range) in WAYS {
        let scene = Scene::new();
        captured(&scene, file, range);
        let flags = ["parquet", "./p", "-o", "lake", "--partition-by", "day,hour"];
        let first = analyze(&scene, &flags);
        let said = text(&first.stdout);
        assert!(first.status.success(), "{}", text(&first.stderr));
        assert!(said.contains(" with 3004 records"), "{said}");
        assert_sent(&found(&scene, "lake"), file);
        let again = text(&analyze(&scene, &flags).stdout);
        assert!(again.contains(" 0 segments with 0 records"), "{again}");
        assert_sent(&found(&scene, "lake"), file);
    }
}

#[test]
fn a_file_is_in_the_order_of_time_and_in_the_directory_of_its_hour() {
    let scene = Scene::new();
    captured(&scene, "p/{seq}.ndjson.zst", "--all --format json");
    let zone = [
        "--partition-by",
        "day,hour",
        "--timezone",
        "Asia/Kathmandu",
        "--zstd",
    ];
    said(
        &scene,
        0,
        &[&["parquet", "./p", "-o", "lake"], &zone[..]].concat(),
    );
    // 22:13:50 UTC is 03:58:50 of the next day there.
    let files = duckdb::rows(
        scene.directory(),
        "SELECT count(*) FILTER (WHERE strftime(timestamp AT TIME ZONE 'Asia/Kathmandu', '%Y-%m-%d/%H') \
                                       <> concat(day, '/', lpad(hour::VARCHAR, 2, '0'))) AS misplaced, \
                count(DISTINCT hour) AS hours, max(key) AS key, \
                max(typeof(timestamp)) AS of_timestamp, max(typeof(host)) AS of_host, max(typeof(\"m.n\")) AS of_n \
         FROM read_parquet('lake/**/*.parquet', hive_partitioning = true)",
    );
    let types = ("TIMESTAMP WITH TIME ZONE", "VARCHAR", "BIGINT");
    assert_eq!(
        files,
        [
            json!({"misplaced": 0, "hours": 2, "key": "key", "of_timestamp": types.0, "of_host": types.1, "of_n": types.2})
        ]
    );
    let order = duckdb::rows(
        scene.directory(),
        "SELECT count(*) AS n FROM (SELECT (timestamp, \"partition\", \"offset\") AS now, \
         lag((timestamp, \"partition\", \"offset\")) OVER (PARTITION BY filename ORDER BY file_row_number) AS before \
         FROM read_parquet('lake/**/*.parquet', filename = true, file_row_number = true)) WHERE now <= before",
    );
    assert_eq!(order, [json!({"n": 0})]);
    let columns = duckdb::rows(
        scene.directory(),
        "SELECT path_in_schema AS name, bool_and(compression = 'ZSTD') AS is_zstd, \
         bool_and(stats_min_value IS NOT NULL) AS has_statistics, bool_and(bloom_filter_offset IS NOT NULL) AS has_filter \
         FROM parquet_metadata('lake/**/*.parquet') WHERE path_in_schema IN ('key', 'host', 'timestamp') \
         GROUP BY ALL ORDER BY 1",
    );
    let column = |name: &str| json!({"name": name, "is_zstd": true, "has_statistics": true, "has_filter": name == "key"});
    assert_eq!(columns, ["host", "key", "timestamp"].map(column));
    let refused = said(
        &scene,
        1,
        &["parquet", "./p", "-o", "lake", "--partition-by", "day"],
    );
    assert!(
        refused.contains("begun with --partition-by day,hour --timezone Asia/Kathmandu"),
        "{refused}"
    );
}

#[test]
fn killed_at_any_moment_it_goes_on_and_each_record_is_there_once() {
    let kills = std::env::var("ARCHIVER_PARQUET_KILLS")
        .map_or(10, |kills| kills.parse().expect("a number"));
    let scene = Scene::new();
    captured(
        &scene,
        "p/{partition}-{time:%H%M}-{seq}.ndjson.zst",
        "--all",
    );
    let mut random = Random::new(19);
    let (mut killed, mut half_way, mut lakes) = (0, 0, 0);
    while killed < kills || lakes == 0 {
        let lake = format!("lake-{lakes}");
        let mut command = Command::new(program());
        command
            .current_dir(scene.directory())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.args(["parquet", "./p", "-o", &lake, "--partition-by", "day,hour"]);
        let before = fs::exists(scene.path(&lake))
            .expect("known")
            .then(|| manifest(&scene, &lake).len());
        let mut child = command.spawn().expect("is started");
        let mut has_ended = false;
        eventually(LONG, "it writes, or has ended", || {
            has_ended = child.try_wait().expect("known").is_some();
            let is_there = fs::exists(scene.path(&lake).join(".archiver-analyze")).expect("known");
            has_ended || (is_there && manifest(&scene, &lake).len() > before.unwrap_or(0))
        });
        if killed < kills {
            // The moment is what chance decides here, within what a few segments take.
            thread::sleep(Duration::from_micros(random.below(60_000)));
            child.kill().expect("is killed");
        }
        let ended = child.wait().expect("ends");
        killed += u64::from(!ended.success());
        half_way += u64::from(has_leftovers(&scene, &lake));
        // Readers never find what is counted as less than a whole.
        let counted = manifest(&scene, &lake)
            .into_iter()
            .filter(|line| line["type"] == "segment");
        let files = counted.flat_map(|line| line["files"].as_array().expect("files").clone());
        let rows = files.map(|file| {
            let path = file["path"].as_str().expect("a path").to_owned();
            assert!(
                fs::exists(scene.path(&lake).join(&path)).expect("known"),
                "{path} after {killed}"
            );
            file["rows"].as_u64().expect("a number")
        });
        let rows = rows.sum::<u64>();
        if ended.success() {
            assert_eq!(rows, 3_004, "after {killed} kills");
            assert_sent(&found(&scene, &lake), &format!("after {killed} kills"));
            lakes += 1;
        }
    }
    println!(
        "{killed} times killed, {half_way} of them half way through a segment, {lakes} times to the end"
    );
}

#[test]
fn what_a_command_is_given_as_it_is_sealed_is_there_once_whatever_comes_later() {
    let scene = Scene::new();
    let topic = scene.topic("lake", 1);
    let (producer, mut values) = (Producer::new(scene.server), Values::new(3));
    let script = format!(
        "exec {} parquet \"$(dirname \"$ARCHIVER_MANIFEST\")\" -o lake",
        program().display()
    );
    let quoted = serde_json::to_string(&script).expect("JSON");
    let config = Config::new()
        .set("defaults", "start", "earliest")
        .set("defaults", "flush", "50ms")
        .set("defaults", "checkpoint", "100ms")
        .archive(&topic, "out/{seq}.ndjson.zst", &[("format", "json")])
        .line("rotate = { records = 10 }")
        .line(&format!("on_seal = [\"sh\", \"-c\", {quoted}]"));
    let archiver = scene.start(&config);
    for round in 1..=3_u64 {
        producer.send_all(&topic, values.jsons(10));
        eventually(LONG, "the segment is there", || {
            archiver.assert_runs();
            let is_there = fs::exists(scene.path("lake/.archiver-analyze")).expect("known");
            let counted = match is_there {
                true => manifest(&scene, "lake"),
                false => Vec::new(),
            };
            let segments = counted.iter().filter(|line| line["type"] == "segment");
            let records = segments.map(|line| line["records"].as_u64().expect("a number"));
            records.sum::<u64>() == 10 * round
        });
    }
    archiver.stop();
    let sql = "SELECT \"offset\" FROM read_parquet('lake/**/*.parquet') ORDER BY 1";
    let offsets = duckdb::rows(scene.directory(), sql);
    let expected = (0..30)
        .map(|offset| json!({"offset": offset}))
        .collect::<Vec<_>>();
    assert_eq!(offsets, expected);
}

#[test]
fn files_in_a_directory_that_isn_t_entered_are_told_instead_of_left_out() {
    let scene = Scene::new();
    captured(&scene, "p/{partition}-{seq}.ndjson.gz", "--all");
    let flags = ["parquet", "./p", "-o", "lake", "--partition-by", "day"];
    assert!(analyze(&scene, &flags).status.success());
    let count = |directory: &str| {
        let sql = "SELECT count(*) AS n FROM records";
        analyze(&scene, &["sql", sql, directory, "--format", "csv"])
    };
    let above = count("lake");
    let said = text(&above.stderr);
    assert_eq!(above.status.code(), Some(1), "{said}");
    assert!(said.contains("which is read by itself only"), "{said}");
    let entries = fs::read_dir(scene.path("lake")).expect("is there");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names = names.map(|name| name.to_string_lossy().into_owned());
    let own = names
        .find(|name| !name.starts_with('.'))
        .expect("an archive");
    let counted = text(&count(&format!("lake/{own}")).stdout);
    assert!(counted.ends_with("3004\n"), "{counted}");
}

#[test]
fn a_file_that_somebody_has_removed_is_named_and_not_written_again() {
    let scene = Scene::new();
    captured(&scene, "p/{partition}-{seq}.ndjson.gz", "--all");
    let flags = ["parquet", "./p", "-o", "lake"];
    let first = analyze(&scene, &flags);
    assert!(!text(&first.stderr).contains("no longer"));
    let files = manifest(&scene, "lake").into_iter();
    let mut files = files.filter_map(|line| Some(line["files"][0]["path"].as_str()?.to_owned()));
    let file = files.next().expect("a file");
    fs::remove_file(scene.path("lake").join(&file)).expect("is removed");
    let again = analyze(&scene, &flags);
    let said = text(&again.stderr);
    assert!(again.status.success(), "{said}");
    assert!(
        said.contains("lake has no longer 1 of the files")
            && said.contains(&format!("the first of them {file};")),
        "{said}"
    );
    assert!(!scene.path("lake").join(&file).exists());
}

#[test]
fn a_segment_that_was_replaced_is_refused_and_a_damaged_one_is_left_for_later() {
    let scene = Scene::new();
    captured(&scene, "p/{partition}-{seq}.ndjson.zst", "--all");
    let first = fs::read_dir(scene.path("p"))
        .expect("is there")
        .map(|entry| entry.expect("an entry").path());
    let first = first
        .filter(|path| path.extension().is_some())
        .min()
        .expect("a segment");
    let good = fs::read(&first).expect("is there");
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 0xff;
    fs::write(&first, &bad).expect("is written");
    let flags = ["parquet", "./p", "-o", "lake"];
    let refused = said(&scene, 1, &flags);
    assert!(refused.contains("--skip-damaged"), "{refused}");
    let skipped = said(&scene, 0, &[&flags[..], &["--skip-damaged"]].concat());
    assert!(skipped.contains("left out, as it is damaged"), "{skipped}");
    assert_eq!(found(&scene, "lake").len(), 2_002);
    fs::write(&first, &good).expect("is written");
    said(&scene, 0, &flags);
    assert_sent(&found(&scene, "lake"), "whole again");
    // As if the archive had been made anew: the list knows another digest.
    let own = scene.path("lake/.archiver-analyze");
    let own = fs::read_dir(own)
        .expect("is there")
        .next()
        .expect("an archive")
        .expect("an entry");
    let list = own.path().join("manifest.ndjson");
    let lines = fs::read_to_string(&list).expect("is there");
    let (before, behind) = lines.split_once("\"xxh128\":\"").expect("a digest");
    let other = if behind.starts_with('0') { '1' } else { '0' };
    let lines = format!("{before}\"xxh128\":\"{other}{}", &behind[1..]);
    fs::write(&list, lines).expect("is written");
    let refused = said(&scene, 1, &flags);
    assert!(
        refused.contains("it was made anew or replaced"),
        "{refused}"
    );
}

#[test]
fn a_view_for_duckdb_has_the_columns_and_rows_of_the_table() {
    for (file, range) in WAYS {
        let scene = Scene::new();
        captured(&scene, file, range);
        let view = analyze(&scene, &["views", "--for", "duckdb", "./p"]);
        assert!(view.status.success(), "{}", text(&view.stderr));
        let view = text(&view.stdout);
        assert!(view.starts_with("-- Archive "), "{view}");
        let (_, name) = view.split_once("VIEW \"").expect("a view");
        let (name, _) = name.split_once('"').expect("a name");
        let ask = |sql: &str| duckdb::rows(scene.directory(), &format!("{view}\n{sql}"));
        let from = format!("FROM \"{name}\"");
        let told = |sql: &str| rows(&scene, &["sql", sql, "./p"]);
        let measured = "count(*) AS n, count(host) AS hosts, min(TRY_CAST(data AS DOUBLE)) AS low, max(TRY_CAST(data AS DOUBLE)) AS high, sum(\"m.n\") AS sum";
        let is_envelope = range.contains("json");
        // Whole records are rows all; of values alone, those without a byte are none.
        let condition = if is_envelope { "" } else { "WHERE value <> ''" };
        let here = told(&format!("SELECT {measured} FROM records {condition}"));
        let there = ask(&format!("SELECT {measured} {from}"));
        for name in ["n", "hosts", "low", "high", "sum"] {
            assert_eq!(
                here[0][name].as_f64(),
                there[0][name].as_f64(),
                "{name} {file} {range}"
            );
        }
        if is_envelope {
            let there = ask(&format!(
                "SELECT \"partition\", \"offset\", epoch_ms(timestamp) AS ms, host, TRY_CAST(data AS DOUBLE) AS data {from} ORDER BY 1, 2"
            ));
            assert_sent(&there, file);
        }
    }
}

#[test]
fn names_are_quoted_whatever_stands_in_them() {
    let scene = Scene::new();
    let topic = scene.topic("quoted", 1);
    let value = json!({"a\"b": 1, "c'd": 2, "e`f": 3, "g;h\n--": 4, "\\i": {"j.k": 5}, "Case": 6, "case": 7, "day": 8});
    let value = value.to_string();
    let producer = Producer::new(scene.server);
    producer.send_all(&topic, [Record::value(value.as_str())]);
    let command = format!(
        "capture -b {} -t {} -o it's/{{seq}}.ndjson.gz --all",
        topic.bootstrap(),
        topic.name
    );
    let ended = run(scene.directory(), &command.split(' ').collect::<Vec<_>>());
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    let view = text(&analyze(&scene, &["views", "--for", "duckdb", "./it's"]).stdout);
    let (_, name) = view.split_once("VIEW \"").expect("a view");
    let (name, _) = name.split_once('"').expect("a name");
    let found = duckdb::rows(
        scene.directory(),
        &format!("{view}\nSELECT * FROM \"{name}\""),
    );
    for (column, expected) in [
        ("a\"b", 1),
        ("c'd", 2),
        ("e`f", 3),
        ("g;h\n--", 4),
        ("\\i.j.k", 5),
    ] {
        assert_eq!(found[0][column], expected, "{column}");
    }
    assert!(
        view.contains("-- Left out: \"case\", which differs"),
        "{view}"
    );
    said(
        &scene,
        0,
        &["parquet", "./it's", "-o", "lake", "--partition-by", "day"],
    );
    let sql = "SELECT * FROM read_parquet('lake/**/*.parquet', hive_partitioning = true)";
    let found = duckdb::rows(scene.directory(), sql);
    for (column, expected) in [
        ("g;h\n--", 4),
        ("\\i.j.k", 5),
        ("Case", 6),
        ("value.day", 8),
    ] {
        assert_eq!(found[0][column], expected, "{column}");
    }
}

#[test]
fn a_segment_that_is_larger_than_the_memory_is_sorted() {
    let scene = Scene::new();
    let topic = scene.topic("large", 1);
    let producer = Producer::new(scene.server);
    let mut random = Random::new(23);
    let records = (0..40_000_i64).map(|n| {
        let text = random
            .bytes(400)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>();
        Record {
            value: Some(json!({"n": n, "text": text}).to_string().into_bytes()),
            timestamp: Some(1_700_000_000_000 + random.below(10_000_000) as i64),
            ..Record::default()
        }
    });
    producer.send_all(&topic, records);
    let command = format!(
        "capture -b {} -t {} -o p/{{seq}}.ndjson.zst --all",
        topic.bootstrap(),
        topic.name
    );
    let ended = run(scene.directory(), &command.split(' ').collect::<Vec<_>>());
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    said(
        &scene,
        0,
        &["parquet", "./p", "-o", "lake", "--memory", "16MiB"],
    );
    let sql = "SELECT count(*) AS n, count(DISTINCT \"offset\") AS offsets, sum(n)::BIGINT AS sum, \
               count(*) FILTER (WHERE timestamp < before) AS misplaced FROM \
               (SELECT *, lag(timestamp) OVER (PARTITION BY filename ORDER BY file_row_number) AS before \
               FROM read_parquet('lake/**/*.parquet', filename = true, file_row_number = true))";
    let found = duckdb::rows(scene.directory(), sql);
    assert_eq!(
        found,
        [json!({"n": 40_000, "offsets": 40_000, "sum": 799_980_000, "misplaced": 0})]
    );
}
