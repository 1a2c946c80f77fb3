//! Fields that hold now this, now that, and what they are called.

use super::{
    ALL, Database, FILE, FIRST_MS, MINUTE_MS, Of, Scene, captured_values, load, loaded, program,
    text,
};

/// Only the records before this minute, or from it on.
fn range(flag: &str, minute: i64) -> [String; 2] {
    [flag.to_owned(), (FIRST_MS + minute * MINUTE_MS).to_string()]
}

/// With these flags, and the others.
fn with<'f>(flags: &[&'f str], range: &'f [String; 2]) -> Vec<&'f str> {
    let range = range.iter().map(|flag| &flag[..]);
    flags.iter().copied().chain(range).collect()
}

fn quote(database: &Database) -> char {
    if database.of == Of::MariaDb { '`' } else { '"' }
}

#[test]
fn a_number_with_a_fraction_is_never_rounded() {
    let scene = Scene::new();
    let _topic = captured_values(&scene, &[r#"{"v":1}"#, r#"{"v":2}"#, r#"{"v":1.6}"#]);
    let before = range("--until", 2);
    for of in ALL {
        // What comes later counts for the table that is made.
        let database = Database::new(of, scene.directory());
        loaded(&scene, &database, &with(&["--create"], &before));
        loaded(&scene, &database, &[]);
        let count = "SELECT count(*) FROM samples WHERE v > 1.59 AND v < 1.61";
        assert_eq!(database.number(count), 1, "{database}");
        // A table of somebody's own, with whole numbers.
        database.rows("DROP TABLE samples");
        let quote = quote(&database);
        let charset = if of == Of::MariaDb {
            "CHARACTER SET utf8mb4"
        } else {
            ""
        };
        database.rows(&format!(
            "CREATE TABLE samples (topic VARCHAR(249), {quote}partition{quote} INT, {quote}offset{quote} BIGINT, v BIGINT, \
             UNIQUE (topic, {quote}partition{quote}, {quote}offset{quote})) {charset}"
        ));
        loaded(&scene, &database, &with(&[], &before));
        let output = load(&scene, &database, &[]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{database}: {said}");
        assert!(
            said.contains("column v takes whole numbers alone, and the record at offset 2 of partition 0 has 1.6; "),
            "{said}"
        );
        match of {
            Of::MariaDb => database.rows("ALTER TABLE `samples` MODIFY `v` DOUBLE"),
            Of::Postgres => {
                database.rows("ALTER TABLE \"samples\" ALTER COLUMN \"v\" TYPE DOUBLE PRECISION")
            }
            Of::Sqlite => continue,
        };
        loaded(&scene, &database, &[]);
        assert_eq!(database.number(count), 1, "{database}");
    }
}

#[test]
fn a_field_that_is_called_label_has_a_column_of_its_own() {
    let scene = Scene::new();
    let _topic = captured_values(&scene, &[r#"{"v":1,"label":"x"}"#, r#"{"v":2}"#]);
    for of in ALL {
        let database = Database::new(of, scene.directory());
        loaded(&scene, &database, &["--create"]);
        loaded(
            &scene,
            &database,
            &["--label", "odd", "--filter", "label = 'x'"],
        );
        let quote = quote(&database);
        let field = format!("{quote}value.label{quote}");
        let rows = database.rows(&format!(
            "SELECT v, COALESCE(label, '-'), COALESCE({field}, '-') FROM samples ORDER BY 1"
        ));
        assert_eq!(rows, ["1\todd\tx", "2\t-\t-"], "{database}");
        for named in ["label", "value.label"] {
            database.rows("DROP TABLE samples");
            loaded(&scene, &database, &["--create", "--columns", named]);
            let there = format!("SELECT count(*) FROM samples WHERE {field} = 'x'");
            assert_eq!(database.number(&there), 1, "{database}: {named}");
        }
    }
}

#[test]
fn a_text_among_numbers_and_a_remainder_by_zero_are_neither_in_nor_out() {
    let scene = Scene::new();
    let values = [
        r#"{"v":1,"d":2}"#,
        r#"{"v":"slow","d":2}"#,
        r#"{"v":1.6,"d":0}"#,
        r#"{"v":4,"d":2}"#,
    ];
    let _topic = captured_values(&scene, &values);
    let database = Database::new(Of::Sqlite, scene.directory());
    for (filter, within, out) in [
        ("v < 2", 2, 1),
        ("v / d < 1", 1, 1),
        ("v % 2 = 0", 1, 2),
        ("2 % d = 0", 3, 0),
    ] {
        let said = loaded(
            &scene,
            &database,
            &["--filter", filter, "--create", "--columns", "d"],
        );
        let neither = 4 - within - out;
        let expected = format!(
            "{within} pass the filter, {out} don't, {neither} are neither: there is a null, a division by zero, or a text that is no number"
        );
        assert!(said.contains(&expected), "{filter}: {said}");
        let rows = database.number("SELECT count(*) FROM samples");
        assert_eq!(rows, within, "{filter}");
        database.rows("DROP TABLE samples");
    }
    // It has no place among numbers, unless somebody says so.
    for of in ALL {
        let database = Database::new(of, scene.directory());
        let before = ["--create", "--field", "v=number", "--filter", "d = 0"];
        loaded(&scene, &database, &before);
        let output = load(&scene, &database, &[]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{database}: {said}");
        assert!(said.contains("column v takes numbers alone, and the record at offset 1 of partition 0 has \"slow\"; have it null by --field v=number"), "{said}");
        loaded(&scene, &database, &["--field", "v=number"]);
        let count = "SELECT count(*), count(v) FROM samples";
        assert_eq!(database.rows(count), ["4\t3"], "{database}");
    }
}

#[test]
fn a_range_without_records_has_no_rows_and_the_table_has_all_fields() {
    let scene = Scene::new();
    let _topic = captured_values(&scene, &[r#"{"v":1}"#, r#"{"v":2,"w":"x"}"#]);
    let database = Database::new(Of::Sqlite, scene.directory());
    let behind = range("--since", 100);
    let filter = ["--filter", "v < 9", "--create"];
    let said = loaded(&scene, &database, &with(&filter, &behind));
    assert!(said.starts_with("samples: 0 rows; of 0 records"), "{said}");
    loaded(&scene, &database, &[]);
    let rows = database.rows("SELECT v, w FROM samples ORDER BY v");
    assert_eq!(rows, ["1\tNULL", "2\tx"]);
}

#[test]
fn names_that_a_database_can_t_have_are_told() {
    let scene = Scene::new();
    let _topic = captured_values(&scene, &[r#"{"host":"a","Host":"b","ctid":1}"#]);
    for (of, expected) in [
        (Of::MariaDb, "host and Host are the same to this database"),
        (
            Of::Postgres,
            "each table has a column ctid of the database's own",
        ),
        (Of::Sqlite, "host and Host are the same to this database"),
    ] {
        let database = Database::new(of, scene.directory());
        let output = load(&scene, &database, &["--create"]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{database}: {said}");
        assert!(said.contains(expected), "{said}");
        assert!(said.contains("--columns"), "{said}");
        loaded(&scene, &database, &["--create", "--columns", "Host"]);
        let long = "a".repeat(64);
        for (table, expected) in [
            ("archiver_load", "is a table of archiver-analyze's own"),
            ("Archiver_Daily", "is a table of archiver-analyze's own"),
            (&long[..], "has 64 bytes, and 63 are the most"),
        ] {
            if table == long && of != Of::Postgres {
                continue;
            }
            let flags = [
                "load",
                FILE,
                "--to",
                &database.url,
                "--table",
                table,
                "--create",
            ];
            let mut command = std::process::Command::new(program());
            command.current_dir(scene.directory()).args(flags);
            command.env("ARCHIVER_DATABASE_PASSWORD", crate::databases::PASSWORD);
            let output = command.output().expect("is started");
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{said}");
            assert!(said.contains(expected), "{said}");
        }
    }
    for url in ["sqlite::memory:", "sqlite:"] {
        let flags = ["load", FILE, "--to", url, "--table", "samples", "--create"];
        let said = crate::analyze::said(&scene, 2, &flags);
        assert!(
            said.contains("in memory, nothing is kept; write sqlite:FILE"),
            "{said}"
        );
    }
}
