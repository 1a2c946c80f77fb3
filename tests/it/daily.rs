//! `archiver-analyze daily`: each day that is over, by itself, and those that were missed.

use std::fs;
use std::process::Command;

use jiff::{Timestamp, ToSpan};

use crate::analyze::{analyze, program, text};
use crate::archiver::run;
use crate::databases::{Database, Of, PASSWORD};
use crate::produce::{Producer, Record};
use crate::scene::Scene;
use crate::topic::Topic;
use crate::wall_clock::WallClock;

const ZONE: &str = "Europe/Berlin";
/// So many records are of each hour.
const EACH_HOUR: i64 = 4;
const HOUR_MS: i64 = 3_600_000;

struct Play<'a> {
    scene: &'a Scene<'static>,
    topic: Topic<'static>,
    producer: Producer,
    clock: WallClock,
    database: Database,
    /// Midnight in Berlin at the beginning of the first day, in milliseconds since 1970.
    first_ms: i64,
    sent_hours: std::cell::Cell<i64>,
}

impl<'a> Play<'a> {
    fn new(scene: &'a Scene<'static>) -> Self {
        let topic = scene.planned("daily");
        topic.make(2, &[("retention.ms", "-1")]);
        // In summer, so that no day is short.
        let first = jiff::civil::date(2026, 6, 1).at(0, 0, 0, 0);
        let zone = jiff::tz::TimeZone::get(ZONE).expect("a zone");
        let first = first.to_zoned(zone).expect("a time").timestamp();
        let database = Database::new(Of::Sqlite, scene.directory());
        fs::write(
            scene.path("daily.toml"),
            format!(
                "timezone = \"{ZONE}\"\n[[load]]\nname = \"metrics\"\nsource = \"metrics.ndjson\"\nfilter = \"n % 2 = 0\"\n\
                 to = \"{}\"\ntable = \"samples\"\ncreate = true\nfirst = \"2026-06-02\"\n",
                database.url
            ),
        )
        .expect("is written");
        Self {
            scene,
            topic,
            producer: Producer::new(scene.server),
            clock: WallClock::new(scene),
            database,
            first_ms: first.as_millisecond(),
            sent_hours: 0.into(),
        }
    }

    /// Records up to this hour, captured.
    fn until_hour(&self, hour: i64) {
        for n in self.sent_hours.replace(hour) * EACH_HOUR..hour * EACH_HOUR {
            self.send(n, self.first_ms + n * HOUR_MS / EACH_HOUR);
        }
        self.capture();
    }

    fn send(&self, n: i64, ms: i64) {
        let record = Record {
            value: Some(format!("{{\"n\":{n}}}").into_bytes()),
            timestamp: Some(ms),
            ..Record::default()
        };
        self.producer
            .send(&self.topic, record.to((n % 3 % 2) as i32));
    }

    fn capture(&self) {
        self.producer.flush();
        for old in ["metrics.ndjson", ".archiver"] {
            let path = self.scene.path(old);
            let _ = if path.is_dir() {
                fs::remove_dir_all(path)
            } else {
                fs::remove_file(path)
            };
        }
        let flags = format!(
            "capture -b {} -t {} -o metrics.ndjson --all",
            self.topic.bootstrap(),
            self.topic.name
        );
        let ended = run(
            self.scene.directory(),
            &flags.split(' ').collect::<Vec<_>>(),
        );
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    }

    /// Does what is due where it is this hour behind the first midnight; returns what it says.
    #[track_caller]
    fn daily_at(&self, hour: i64) -> String {
        let now = Timestamp::from_millisecond(self.first_ms).expect("a time") + hour.hours();
        self.clock
            .set(now.as_second() - Timestamp::now().as_second());
        let mut command = Command::new(program());
        command.current_dir(self.scene.directory());
        command.env("ARCHIVER_DATABASE_PASSWORD", PASSWORD);
        command
            .envs(self.clock.environment())
            .args(["daily", "daily.toml"]);
        let output = command.output().expect("is started");
        let said = text(&output.stderr);
        assert!(output.status.success(), "{said}");
        text(&output.stdout)
    }

    /// The numbers in the table.
    fn there(&self) -> Vec<i64> {
        let rows = self.database.rows("SELECT n FROM samples ORDER BY n");
        rows.iter()
            .map(|row| row.parse().expect("a number"))
            .collect()
    }
}

/// The even numbers of these hours.
fn even(hours: std::ops::Range<i64>) -> Vec<i64> {
    let numbers = hours.start * EACH_HOUR..hours.end * EACH_HOUR;
    numbers.filter(|n| n % 2 == 0).collect()
}

#[test]
fn yesterday_is_loaded_by_the_calendar_and_days_that_were_missed_are_caught_up_with() {
    let scene = Scene::new();
    let play = Play::new(&scene);
    // In the night to the 3rd in Berlin, still the 2nd in UTC: the 2nd is over, the 1st wasn't asked for.
    play.until_hour(49);
    let said = play.daily_at(49);
    assert!(
        said.starts_with(
            "metrics 2026-06-02 (Europe/Berlin): 48 rows into samples; of 96 records, 48 pass"
        ),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    assert_eq!(play.there(), even(24..48));
    // Again on the same day: nothing is new.
    let said = play.daily_at(60);
    assert!(
        said.contains("2026-06-02 (Europe/Berlin): 0 more rows"),
        "{said}"
    );
    // The machine was off on the 4th and the 5th. A record of the 2nd came late, and isn't lost.
    play.send(100_000, play.first_ms + 30 * HOUR_MS);
    play.until_hour(5 * 24 + 9);
    let said = play.daily_at(5 * 24 + 9);
    for (line, day) in said
        .lines()
        .zip(["02 (Europe/Berlin): 1 more", "03", "04", "05"])
    {
        assert!(
            line.starts_with(&format!("metrics 2026-06-{day}")),
            "{said}"
        );
    }
    assert_eq!(said.lines().count(), 4, "{said}");
    let mut expected = even(24..5 * 24);
    expected.push(100_000);
    assert_eq!(play.there(), expected);
}

#[test]
fn a_day_without_records_has_no_rows_and_the_next_one_is_done() {
    let scene = Scene::new();
    let play = Play::new(&scene);
    // Of the 1st, and of the 3rd; there is none of the 2nd.
    play.until_hour(24);
    let said = play.daily_at(49);
    assert!(
        said.starts_with("metrics 2026-06-02 (Europe/Berlin): 0 rows into samples; of 0 records"),
        "{said}"
    );
    play.sent_hours.set(48);
    play.until_hour(73);
    let said = play.daily_at(73);
    let last = said.lines().last().expect("a line");
    assert!(
        last.starts_with("metrics 2026-06-03 (Europe/Berlin): 48 rows into samples"),
        "{said}"
    );
    assert_eq!(play.there(), even(48..72));
}

#[test]
fn records_that_archiver_reads_days_later_come_into_their_days() {
    let scene = Scene::new();
    let play = Play::new(&scene);
    // It stood still from the evening of the 2nd on.
    play.until_hour(42);
    for day in [2, 3, 4] {
        play.daily_at(day * 24 + 1);
        assert_eq!(play.there(), even(24..42));
    }
    play.until_hour(5 * 24 + 10);
    play.daily_at(5 * 24 + 1);
    assert_eq!(play.there(), even(24..5 * 24));
}

#[test]
fn days_are_done_again_where_the_table_was_emptied_or_the_first_is_an_earlier_one() {
    let scene = Scene::new();
    let play = Play::new(&scene);
    play.until_hour(4 * 24 + 1);
    play.daily_at(4 * 24 + 1);
    assert_eq!(play.there(), even(24..4 * 24));
    let whole = fs::read_to_string(scene.path("daily.toml")).expect("is there");
    let earlier = whole.replace("first = \"2026-06-02\"", "first = \"2026-06-01\"");
    fs::write(scene.path("daily.toml"), &earlier).expect("is written");
    play.daily_at(4 * 24 + 2);
    assert_eq!(play.there(), even(0..4 * 24));
    // A load by hand fills it before the days are done again.
    play.database.rows("DELETE FROM samples");
    let url = &play.database.url;
    let by_hand = ["load", "metrics.ndjson", "--filter", "n = 1"];
    let into = ["--to", url, "--table", "samples"];
    let output = analyze(&scene, &[&by_hand[..], &into].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    fs::write(
        scene.path("daily.toml"),
        earlier.replace("first = \"2026-06-01\"\n", ""),
    )
    .expect("is written");
    play.daily_at(4 * 24 + 3);
    let mut expected = even(0..4 * 24);
    expected.insert(1, 1);
    assert_eq!(play.there(), expected);
    // It is gone, and it is made again.
    play.database.rows("DROP TABLE samples");
    let said = play.daily_at(4 * 24 + 4);
    assert_eq!(said.lines().count(), 4, "{said}");
    assert_eq!(play.there(), even(0..4 * 24));
}

#[test]
fn a_load_that_fails_doesn_t_keep_the_others_from_being_done() {
    let scene = Scene::new();
    let play = Play::new(&scene);
    play.until_hour(49);
    let whole = fs::read_to_string(scene.path("daily.toml")).expect("is there");
    let (head, load) = whole.split_once("[[load]]").expect("a load");
    let broken = load
        .replace("\"metrics\"", "\"broken\"")
        .replace("n % 2", "m % 2");
    fs::write(
        scene.path("daily.toml"),
        format!("{head}[[load]]{broken}[[load]]{load}"),
    )
    .expect("is written");
    play.clock
        .set((play.first_ms / 1_000 + 49 * 3_600) - Timestamp::now().as_second());
    let mut command = Command::new(program());
    command
        .current_dir(scene.directory())
        .envs(play.clock.environment());
    let output = command
        .args(["daily", "daily.toml"])
        .output()
        .expect("is started");
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("load broken: "), "{said}");
    assert_eq!(play.there(), even(24..48));
}

#[test]
fn each_day_is_judged_by_a_model_behind_what_is_loaded() {
    let scene = Scene::new();
    let play = Play::new(&scene);
    play.until_hour(49);
    let train = ["train", "metrics.ndjson", "--model", "n.json"];
    let trained = analyze(&scene, &[&train[..], &["--features", "n"]].concat());
    assert!(trained.status.success(), "{}", text(&trained.stderr));
    let load = fs::read_to_string(scene.path("daily.toml")).expect("is there");
    let judge = format!(
        "[[predict]]\nname = \"judged\"\nsource = \"metrics.ndjson\"\nmodel = \"n.json\"\nto = \"{}\"\n\
         table = \"verdicts\"\ncreate = true\nfirst = \"2026-06-02\"\n",
        play.database.url
    );
    fs::write(scene.path("daily.toml"), load + &judge).expect("is written");
    let said = play.daily_at(49);
    let lines = said.lines().collect::<Vec<_>>();
    let expected = "judged 2026-06-02 (Europe/Berlin): 96 rows, ";
    assert!(
        lines.len() == 2
            && lines[1].starts_with(expected)
            && lines[1].ends_with(" anomalous into verdicts"),
        "{said}"
    );
    // The 3rd and the 4th are new; the 2nd is judged once more.
    play.until_hour(4 * 24 + 1);
    let said = play.daily_at(4 * 24 + 1);
    assert_eq!(said.matches("judged 2026-06-0").count(), 3, "{said}");
    assert_eq!(play.there(), even(24..4 * 24));
    let judged = play
        .database
        .rows("SELECT count(*), min(n), max(n) FROM verdicts");
    assert_eq!(judged, ["288\t96.0\t383.0"]);
    // Nothing comes any more.
    let said = play.daily_at(7 * 24 + 1);
    let none = "judged 2026-06-07 (Europe/Berlin): 0 rows, 0 anomalous into verdicts";
    assert_eq!(said.lines().last(), Some(none), "{said}");
}

#[test]
fn a_database_that_is_none_is_said_with_its_line_before_anything_is_done() {
    let scene = Scene::new();
    let play = Play::new(&scene);
    play.until_hour(49);
    let whole = fs::read_to_string(scene.path("daily.toml")).expect("is there");
    let broken = "[[load]]\nname = \"broken\"\nsource = \"metrics.ndjson\"\nto = \"oracle://db\"\ntable = \"t\"\n";
    fs::write(scene.path("daily.toml"), whole + broken).expect("is written");
    let output = analyze(&scene, &["daily", "daily.toml"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("line 13: not a database; write mysql://"),
        "{said}"
    );
    assert!(!fs::exists(play.database.url.trim_start_matches("sqlite:")).expect("known"));
}
