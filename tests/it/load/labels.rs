//! What a person says of records, and how they are named.

use std::fs;

use super::{ALL, Database, FILE, Of, Scene, analyze, captured, load, loaded, text};

/// The records with a label, by partition and offset.
fn labelled(database: &Database, label: &str) -> Vec<String> {
    let quote = if database.of == Of::MariaDb { '`' } else { '"' };
    let ids = format!("{quote}partition{quote}, {quote}offset{quote}");
    database.rows(&format!(
        "SELECT {ids} FROM samples WHERE label = '{label}' ORDER BY 1, 2"
    ))
}

#[test]
fn an_answer_names_its_records_whatever_else_is_in_it() {
    let scene = Scene::new();
    let _topic = captured(&scene, FILE, "--all");
    let database = Database::new(Of::Sqlite, scene.directory());
    loaded(&scene, &database, &["--filter", "data < 1", "--create"]);
    let query = "SELECT topic, \"offset\", ts, \"partition\", 1 AS score, 9 AS rank FROM records \
                 WHERE \"partition\" < 2 AND \"offset\" = 3";
    for answer in ["odd.csv", "odd.ndjson"] {
        let asked = analyze(&scene, &["sql", query, FILE, "-o", answer]);
        assert!(asked.status.success(), "{}", text(&asked.stderr));
        let label = answer.replace('.', "_");
        let flags = ["--label", &label, "--ids", answer];
        let said = loaded(&scene, &database, &flags);
        assert!(said.starts_with("samples: 2 rows"), "{said}");
        assert_eq!(labelled(&database, &label), ["0\t3", "1\t3"], "{answer}");
    }
}

#[test]
fn ids_that_name_no_record_are_counted_and_what_is_none_is_refused() {
    let scene = Scene::new();
    let topic = captured(&scene, FILE, "--all");
    let database = Database::new(Of::Sqlite, scene.directory());
    loaded(&scene, &database, &["--filter", "data < 1", "--create"]);
    let label = ["--label", "normal", "--ids", "ids"];
    fs::write(scene.path("ids"), "0,3\n9,9\n2,7\n0,999999\n").expect("is written");
    let output = load(&scene, &database, &label);
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("2 of 4 ids are of no record"), "{said}");
    assert_eq!(labelled(&database, "normal"), ["0\t3", "2\t7"]);
    let own = format!("{},0,3\n", topic.name);
    for (ids, expected) in [
        (
            "0,3\n0,-1\n",
            "line 2: offset \"-1\" is no number from 0 on",
        ),
        (&own[..], "line 1 is neither partition,offset nor a header"),
        (
            "topic,partition,offset\nother,0,3\n",
            "line 2: that is a record of topic \"other\"",
        ),
        ("partition,score\n0,3\n", "line 1 is neither"),
    ] {
        fs::write(scene.path("ids"), ids).expect("is written");
        let output = load(&scene, &database, &label);
        let said = text(&output.stderr);
        assert!(!output.status.success(), "{ids}");
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn a_label_can_be_changed_and_changed_back() {
    let scene = Scene::new();
    let _topic = captured(&scene, FILE, "--all");
    fs::write(scene.path("ids.csv"), "partition,offset\n0,3\n2,7\n").expect("is written");
    for of in ALL {
        let database = Database::new(of, scene.directory());
        loaded(&scene, &database, &["--filter", "data < 1", "--create"]);
        for label in ["normal", "bad", "normal", "normal"] {
            let said = loaded(&scene, &database, &["--label", label, "--ids", "ids.csv"]);
            assert!(said.starts_with("samples: 2 rows"), "{said}");
            assert_eq!(labelled(&database, label).len(), 2, "{database}: {label}");
        }
    }
}
