use std::fs::{self, File};
use std::path::Path;

use archiver_format::compression::{Algorithm, Compression, compress};
use archiver_format::read::Selection;
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::parquet::arrow::ArrowWriter;
use futures::TryStreamExt;

use super::{Kind, known};
use crate::engine::{Engine, Settings};

const LINES: &str = "{\"ts\":1,\"host\":\"a\",\"m\":{\"n\":1.5}}\n\n{\"ts\":2,\"host\":\"\u{e4}\"}\r\nno JSON\n{\"ts\":\"x\",\"host\":null}";
const CSV: &str = "time,Host,n\n2023-11-14T22:13:50Z,a,1\n2023-11-14T22:14:50Z,\"b, \"\"x\"\"\",\n2023-11-14T22:15:50Z,\"two\nlines\",3\n";

/// What is answered by files of a directory, as a table, and what is said beside it.
fn asked(
    directory: &Path,
    files: &[&str],
    selection: &Selection,
    sql: &str,
) -> anyhow::Result<(String, Vec<String>)> {
    let words = files
        .iter()
        .map(|file| directory.join(file).to_string_lossy().into_owned());
    let words = words.collect::<Vec<_>>();
    let settings = Settings {
        memory_bytes: 64 << 20,
        skips_damaged: false,
        declared: Vec::new(),
        samples_all: false,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    runtime.block_on(async {
        let engine = Engine::open(None, &words, selection, settings).await?;
        let rows = engine.session.sql(sql).await?.execute_stream().await?;
        let batches = rows.try_collect::<Vec<_>>().await?;
        Ok((pretty_format_batches(&batches)?.to_string(), engine.notes()))
    })
}

/// The cells of a table, without what is around them.
fn cells(table: &str) -> Vec<Vec<String>> {
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(1);
    let cells = |row: &str| {
        let cells = row.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().to_owned()).collect()
    };
    rows.map(cells).collect()
}

#[test]
fn lines_of_json_are_rows_however_they_are_compressed() {
    let directory = tempfile::tempdir().expect("a directory");
    let sql = "SELECT ts, host, \"m.n\" FROM n ORDER BY ts, host";
    for (file, how) in [
        ("n.ndjson", Compression::None),
        ("n.jsonl.gz", Compression::Gzip(6)),
        ("n.json.zst", Compression::Zstd(1)),
    ] {
        let packed = compress(LINES.into(), how).expect("is packed");
        fs::write(directory.path().join(file), packed).expect("is written");
        let (table, notes) =
            asked(directory.path(), &[file], &Selection::default(), sql).expect("an answer");
        let expected = [
            ["1", "a", "1.5"],
            ["2", "\u{e4}", ""],
            ["x", "", ""],
            ["", "", ""],
        ];
        assert_eq!(cells(&table), expected, "{file}");
        let notes = notes.join("\n");
        assert!(
            notes.contains("file n: ts holds different things"),
            "{notes}"
        );
        assert!(notes.contains("1 value is no JSON object"), "{notes}");
    }
}

#[test]
fn each_line_is_read_once_by_many_readers() {
    let directory = tempfile::tempdir().expect("a directory");
    let lines = (0..50_000)
        .map(|n| format!("{{\"n\":{n}}}\n"))
        .collect::<String>();
    fs::write(directory.path().join("many.ndjson"), lines).expect("is written");
    let sql = "SELECT count(*), count(DISTINCT n), sum(n) FROM records";
    let found = asked(
        directory.path(),
        &["many.ndjson"],
        &Selection::default(),
        sql,
    );
    let (table, _) = found.expect("an answer");
    assert_eq!(cells(&table), [["50000", "50000", "1249975000"]]);
}

#[test]
fn csv_and_parquet_have_typed_columns_and_times_as_archives_have_them() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    let file = "old [1].v2.csv";
    fs::write(path.join(file), CSV).expect("is written");
    fs::write(path.join("tabs.tsv"), CSV.replace(',', "\t")).expect("is written");
    let sql = "SELECT \"time\", \"Host\", n FROM \"old [1].v2\" WHERE n IS NOT NULL";
    let (table, _) = asked(path, &[file], &Selection::default(), sql).expect("an answer");
    assert!(table.contains("2023-11-14T22:13:50Z | a "), "{table}");
    let types = "SELECT arrow_typeof(\"time\"), arrow_typeof(n) FROM records LIMIT 1";
    let (table, _) = asked(path, &[file], &Selection::default(), types).expect("an answer");
    let expected = ["Timestamp(ms, \"+00:00\")", "Int64"];
    assert_eq!(cells(&table), [expected]);
    let columns = "SELECT count(*) FROM tabs WHERE n > 0";
    let (table, _) = asked(path, &["tabs.tsv"], &Selection::default(), columns).expect("an answer");
    assert_eq!(cells(&table), [["2"]]);
    lake(path, file);
    for lake in ["lake", "lake/part.parquet"] {
        let later = Selection {
            since_ms: Some(1_700_000_090_000),
            ..Selection::default()
        };
        let sql = "SELECT n, arrow_typeof(\"timestamp\") FROM records";
        let (table, _) = asked(path, &[lake], &later, sql).expect("an answer");
        assert_eq!(cells(&table), [["", expected[0]], ["3", expected[0]]]);
        let (both, _) = asked(
            path,
            &[lake, file],
            &Selection::default(),
            "SELECT count(*) FROM \"old [1].v2\"",
        )
        .expect("an answer");
        assert_eq!(cells(&both), [["3"]]);
    }
}

/// Makes a Parquet file of a CSV file, with times in microseconds.
fn lake(path: &Path, csv: &str) {
    let words = [path.join(csv).to_string_lossy().into_owned()];
    let settings = Settings {
        memory_bytes: 64 << 20,
        skips_damaged: false,
        declared: Vec::new(),
        samples_all: false,
    };
    let sql = "SELECT n, arrow_cast(\"time\", 'Timestamp(Microsecond, None)') AS \"timestamp\" FROM records";
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .build()
        .expect("a runtime");
    let batches = runtime.block_on(async {
        let engine = Engine::open(None, &words, &Selection::default(), settings)
            .await
            .expect("is open");
        let rows = engine.session.sql(sql).await.expect("a query");
        rows.collect().await.expect("rows")
    });
    fs::create_dir_all(path.join("lake")).expect("is made");
    let file = File::create(path.join("lake/part.parquet")).expect("is made");
    let mut writer = ArrowWriter::try_new(file, batches[0].schema(), None).expect("is begun");
    for batch in &batches {
        writer.write(batch).expect("is written");
    }
    writer.close().expect("is written");
}

#[test]
fn what_can_t_be_a_table_is_said() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path();
    fs::write(path.join("pretty.json"), "{\n  \"a\": 1\n}\n").expect("is written");
    fs::write(path.join("n.ndjson"), LINES).expect("is written");
    fs::write(path.join("torn.ndjson.gz"), b"no gzip").expect("is written");
    fs::write(path.join("broken.parquet"), b"no Parquet").expect("is written");
    fs::write(path.join("empty.csv"), b"").expect("is written");
    fs::write(path.join("old.csv"), CSV).expect("is written");
    let since = Selection {
        since_ms: Some(1),
        ..Selection::default()
    };
    let all = Selection::default();
    for (file, selection, expected) in [
        ("pretty.json", &all, "has no JSON objects, one on each line"),
        ("torn.ndjson.gz", &all, "reading "),
        ("broken.parquet", &all, "broken.parquet"),
        ("empty.csv", &all, "has no columns"),
        ("n.ndjson", &since, "no column timestamp with times"),
        ("old.csv", &since, "no column timestamp with times"),
    ] {
        let said = asked(path, &[file], selection, "SELECT 1").expect_err(file);
        let said = format!("{said:#}");
        assert!(said.contains(expected), "{file}: {said}");
    }
}

#[test]
fn a_file_is_known_by_the_ending_of_its_name() {
    let ndjson = Kind::Ndjson;
    for (path, expected) in [
        ("a/old.csv", Some(("old", Kind::Csv(b',')))),
        ("old.v2.TSV", Some(("old.v2", Kind::Csv(b'\t')))),
        ("m.ndjson.zst", Some(("m", ndjson(Algorithm::Zstd)))),
        ("m.jsonl.gz", Some(("m", ndjson(Algorithm::Gzip)))),
        ("m.json", Some(("m", ndjson(Algorithm::None)))),
        ("lake.parquet", Some(("lake", Kind::Parquet))),
        ("old.csv.gz", None),
        (".csv", None),
        ("metrics", None),
        ("\u{e4}", None),
    ] {
        let found = known(Path::new(path));
        let found = found.as_ref().map(|(name, kind)| (&name[..], *kind));
        assert_eq!(found, expected, "{path}");
    }
}
