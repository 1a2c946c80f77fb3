//! What can't be loaded, and what is said then.

use super::{
    ALL, Database, FILE, Of, Scene, captured, captured_values, load, loaded, program, text,
};
use crate::databases::PASSWORD;

/// What it says as it fails.
#[track_caller]
fn failed(scene: &Scene, database: &Database, flags: &[&str]) -> String {
    let output = load(scene, database, flags);
    assert!(!output.status.success(), "{database}: {flags:?}");
    let said = text(&output.stderr);
    assert!(!said.contains(PASSWORD), "{said}");
    said
}

#[test]
fn a_table_that_isn_t_there_or_can_have_a_record_twice_is_refused() {
    let scene = Scene::new();
    let _topic = captured(&scene, FILE, "--all");
    for of in ALL {
        let database = Database::new(of, scene.directory());
        let said = failed(&scene, &database, &[]);
        assert!(
            said.contains("there is no table samples; --create makes it:"),
            "{said}"
        );
        assert!(said.contains("CREATE TABLE"), "{said}");
        let quote = if of == Of::MariaDb { '`' } else { '"' };
        let columns =
            format!("topic VARCHAR(249), {quote}partition{quote} INT, {quote}offset{quote} BIGINT");
        let charset = if of == Of::MariaDb {
            "CHARACTER SET utf8mb4"
        } else {
            ""
        };
        database.rows(&format!("CREATE TABLE samples ({columns})"));
        let said = failed(&scene, &database, &["--create"]);
        assert!(said.contains("table samples can have a record twice; make topic, partition and offset its primary key"), "{said}");
        database.rows("DROP TABLE samples");
        database.rows("CREATE TABLE samples (topic VARCHAR(249))");
        let said = failed(&scene, &database, &[]);
        assert!(said.contains("has no column partition"), "{said}");
        // With a key, it is matched by names.
        database.rows("DROP TABLE samples");
        let key = format!("UNIQUE (topic, {quote}partition{quote}, {quote}offset{quote})");
        database.rows(&format!(
            "CREATE TABLE samples ({columns}, host VARCHAR(50), {key}) {charset}"
        ));
        let output = load(&scene, &database, &["--columns", "host,data"]);
        let said = text(&output.stderr);
        assert!(output.status.success(), "{database}: {said}");
        assert!(
            said.contains("table samples has no column for timestamp, data, label"),
            "{said}"
        );
        assert_eq!(
            database.number("SELECT count(*) FROM samples"),
            3_004,
            "{database}"
        );
    }
}

#[test]
fn a_database_that_would_make_two_records_one_isn_t_let_do_so() {
    let scene = Scene::new();
    let _topic = captured_values(&scene, &[r#"{"v":1}"#, r#"{"v":1}"#]);
    let database = Database::new(Of::MariaDb, scene.directory());
    let table = |more: &str| {
        database.rows("DROP TABLE IF EXISTS samples");
        database.rows(&format!(
            "CREATE TABLE samples (topic VARCHAR(100), `partition` INT, `offset` BIGINT, v BIGINT, {more}) CHARACTER SET utf8mb4"
        ));
    };
    table("PRIMARY KEY (topic, `partition`, `offset`), UNIQUE (v)");
    let said = failed(&scene, &database, &[]);
    assert!(said.contains("another unique index, of v: "), "{said}");
    table("PRIMARY KEY (topic(5), `partition`, `offset`)");
    let said = failed(&scene, &database, &[]);
    assert!(said.contains("can have a record twice"), "{said}");
    table("id BIGINT AUTO_INCREMENT PRIMARY KEY, UNIQUE (topic, `partition`, `offset`)");
    loaded(&scene, &database, &[]);
    assert_eq!(database.number("SELECT count(*) FROM samples"), 2);
}

#[test]
fn a_wrong_password_and_a_server_that_isn_t_there_have_a_line_each() {
    let scene = Scene::new();
    let _topic = captured(&scene, FILE, "--all");
    for (of, expected) in [
        (Of::MariaDb, "Access denied"),
        (Of::Postgres, "password authentication failed"),
    ] {
        let database = Database::new(of, scene.directory());
        std::fs::write(scene.path("password"), "wrong\n").expect("is written");
        let said = failed(&scene, &database, &["--password-file", "password"]);
        assert!(said.contains(expected), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        std::fs::write(scene.path("password"), format!("{PASSWORD}\n")).expect("is written");
        loaded(
            &scene,
            &database,
            &[
                "--password-file",
                "password",
                "--create",
                "--filter",
                "data < 1",
            ],
        );
    }
    for url in ["mysql://me@127.0.0.1:1/x", "postgres://me@127.0.0.1:1/x"] {
        let mut command = std::process::Command::new(program());
        command.current_dir(scene.directory());
        command.args(["load", FILE, "--to", url, "--table", "samples"]);
        let output = command.output().expect("is started");
        let said = text(&output.stderr);
        assert!(said.contains(&format!("opening {url}: ")), "{said}");
        assert!(
            said.contains("is it running, and are host and port right?"),
            "{said}"
        );
    }
}

#[test]
fn names_and_filters_can_t_be_statements() {
    let scene = Scene::new();
    let _topic = captured(&scene, FILE, "--all");
    let database = Database::new(Of::Sqlite, scene.directory());
    for (flags, expected) in [
        (
            ["--filter", "data < 1) OR (1 = 1"],
            "the end of the condition",
        ),
        (
            ["--filter", "data < 1; DROP TABLE samples"],
            "the end of the condition",
        ),
        (["--columns", "hosts"], "did you mean host?"),
        (
            ["--columns", "x\"; DROP TABLE samples; --"],
            "there is no field",
        ),
    ] {
        let said = failed(&scene, &database, &flags);
        assert!(said.contains(expected), "{said}");
    }
    let mut command = std::process::Command::new(program());
    command.current_dir(scene.directory());
    command.args([
        "load",
        FILE,
        "--to",
        &database.url,
        "--table",
        "x; DROP TABLE y",
    ]);
    let said = text(&command.output().expect("is started").stderr);
    assert!(said.contains("is no table; names have letters"), "{said}");
}
