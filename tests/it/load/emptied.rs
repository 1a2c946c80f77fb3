//! A table that was emptied, or dropped and made anew, is filled by each load into it, whichever comes first.

use std::fs;

use super::{
    ALL, Database, FILE, Of, Scene, assert_there, captured, captured_values, expected, load,
    loaded, text,
};

#[test]
fn what_one_load_fills_again_doesn_t_keep_another_from_doing_so() {
    let scene = Scene::new();
    let _topic = captured(&scene, FILE, "--all");
    let all = expected(&scene, |value| {
        value["data"]
            .as_f64()
            .is_some_and(|data| !(10.0..20.0).contains(&data))
    });
    for of in ALL {
        let database = Database::new(of, scene.directory());
        let low = ["--filter", "data < 10", "--columns", "host"];
        let high = ["--filter", "data >= 20", "--columns", "host"];
        loaded(&scene, &database, &[&low[..], &["--create"]].concat());
        loaded(&scene, &database, &high);
        assert_there(&database, &all);
        for (undo, first, second) in [
            ("DELETE FROM samples", low, high),
            ("DROP TABLE samples", high, low),
        ] {
            database.rows(undo);
            loaded(&scene, &database, &[&first[..], &["--create"]].concat());
            loaded(&scene, &database, &second);
            assert_there(&database, &all);
            // Both are known to be there again.
            for flags in [low, high] {
                let said = loaded(&scene, &database, &flags);
                assert!(
                    said.starts_with("samples: 0 more rows"),
                    "{database}: {said}"
                );
            }
        }
    }
}

#[test]
fn what_was_left_out_as_it_was_damaged_is_loaded_once_it_is_whole() {
    let scene = Scene::new();
    let _topic = captured_values(&scene, &[r#"{"v":1}"#, r#"{"v":2}"#]);
    let database = Database::new(Of::Sqlite, scene.directory());
    loaded(&scene, &database, &["--create", "--until", "2000-01-01"]);
    let path = scene.path(FILE);
    let whole = fs::read(&path).expect("is there");
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 0xff;
    fs::write(&path, damaged).expect("is written");
    loaded(
        &scene,
        &database,
        &["--skip-damaged", "--field", "v=number"],
    );
    let count = "SELECT count(*) FROM samples";
    assert_eq!(database.number(count), 0);
    fs::write(&path, whole).expect("is written");
    loaded(&scene, &database, &["--field", "v=number"]);
    assert_eq!(database.number(count), 2);
}

#[test]
fn an_archive_without_a_record_makes_no_table() {
    let scene = Scene::new();
    let _topic = captured_values(&scene, &[]);
    let database = Database::new(Of::Sqlite, scene.directory());
    let output = load(&scene, &database, &["--create"]);
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("no table was made"), "{said}");
    assert!(text(&output.stdout).starts_with("samples: 0 rows"));
    let tables = "SELECT count(*) FROM sqlite_master WHERE name = 'samples'";
    assert_eq!(database.number(tables), 0);
}

#[test]
fn a_table_of_progress_by_another_program_is_told() {
    let scene = Scene::new();
    let _topic = captured_values(&scene, &[r#"{"v":1}"#]);
    let database = Database::new(Of::Sqlite, scene.directory());
    database.rows("CREATE TABLE archiver_load (job TEXT, partition INTEGER, next_offset INTEGER)");
    let output = load(&scene, &database, &["--create"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("table archiver_load has no column table_name, so it is of another archiver-analyze; drop it"),
        "{said}"
    );
    database.rows("DROP TABLE archiver_load");
    let said = loaded(&scene, &database, &[]);
    assert!(said.starts_with("samples: 1 rows"), "{said}");
}
