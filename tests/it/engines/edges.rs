//! The edges of windows, as a table: records, and the windows that they are in.

use serde_json::{Value, json};

use super::odd::rfc3339;
use super::question::Question;

/// Records at these milliseconds since 1970, each with the name of its group, if it has one.
struct Edge {
    says: &'static str,
    flags: &'static [&'static str],
    records: &'static [(i64, Option<&'static str>)],
}

const EDGES: [Edge; 12] = [
    Edge {
        says: "a window holds its start, and not its end",
        flags: &["--tumbling", "10s"],
        records: &[(0, None), (9_999, None), (10_000, None)],
    },
    Edge {
        says: "before 1970 as well",
        flags: &["--tumbling", "10s"],
        records: &[(-1, None), (-10_000, None), (-10_001, None)],
    },
    Edge {
        says: "windows that begin later",
        flags: &["--tumbling", "10s", "--offset", "3s"],
        records: &[(2_999, None), (3_000, None), (-7_000, None), (-7_001, None)],
    },
    Edge {
        says: "a record is in each window that covers it",
        flags: &["--sliding", "10s", "--every", "5s"],
        records: &[(0, None), (4_999, None), (5_000, None)],
    },
    Edge {
        says: "before 1970 as well",
        flags: &["--sliding", "10s", "--every", "5s"],
        records: &[(-1, None), (-5_000, None)],
    },
    Edge {
        says: "no multiple of how often one begins",
        flags: &["--sliding", "10s", "--every", "4s"],
        records: &[(1_999, None), (2_000, None)],
    },
    Edge {
        says: "windows with time between them, and a record there",
        flags: &["--sliding", "5s", "--every", "10s"],
        records: &[(0, None), (4_999, None), (5_000, None)],
    },
    Edge {
        says: "a session goes on with a gap of exactly its length",
        flags: &["--session", "5s"],
        records: &[(0, None), (5_000, None)],
    },
    Edge {
        says: "and ends with a longer one",
        flags: &["--session", "5s"],
        records: &[(0, None), (5_001, None)],
    },
    Edge {
        says: "out of order, around 1970",
        flags: &["--session", "5s"],
        records: &[(4_000, None), (-6_000, None), (-1_000, None)],
    },
    Edge {
        says: "several at a time that begins one",
        flags: &["--session", "5s"],
        records: &[(0, None), (9_000, None), (9_000, None), (9_000, None)],
    },
    Edge {
        says: "groups have sessions of their own; those without a name are one",
        flags: &["--session", "5s", "--by", "group"],
        records: &[
            (0, Some("a")),
            (3_000, None),
            (7_000, Some("a")),
            (8_000, None),
        ],
    },
];

/// The values of all records.
pub fn values() -> Vec<String> {
    let values = EDGES.iter().enumerate().flat_map(|(number, edge)| {
        let records = edge.records.iter();
        records.map(move |(ms, group)| {
            json!({"edge": number, "at": rfc3339(*ms, 0), "group": group, "one": 1}).to_string()
        })
    });
    values.collect()
}

/// What is asked of them.
pub fn questions() -> Vec<Question> {
    let questions = EDGES.iter().enumerate().map(|(number, edge)| {
        let filter = format!("edge = {number}");
        let more = [
            "--time",
            "at",
            "--value",
            "one",
            "--aggregates",
            "count",
            "--filter",
            &filter,
        ];
        let by = edge.flags.contains(&"--by").then_some("group");
        Question {
            archive: "edges",
            flags: [edge.flags, &more]
                .concat()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            keys: ["window_start", "window_end"]
                .into_iter()
                .chain(by)
                .map(str::to_owned)
                .collect(),
        }
    });
    questions.collect()
}

/// The table, of the rows that answer the questions.
pub fn table(answers: &[String]) -> String {
    let mut table = "| windows | records (ms) | are in |\n|---|---|---|\n".to_owned();
    for (edge, rows) in EDGES.iter().zip(answers) {
        let records = edge.records.iter().map(|(ms, group)| match group {
            Some(group) => format!("{ms} of {group}"),
            None => ms.to_string(),
        });
        let windows = rows.lines().map(|line| {
            let row = serde_json::from_str::<Value>(line).expect("JSON");
            let group = match row.get("group") {
                Some(Value::String(group)) => format!(" of {group}"),
                _ => String::new(),
            };
            let many = match row["count"].as_i64() {
                Some(1) => String::new(),
                _ => format!(" ({})", row["count"]),
            };
            format!(
                "{}..{}{group}{many}",
                row["window_start"], row["window_end"]
            )
        });
        table += &format!(
            "| `{}`: {} | {} | {} |\n",
            edge.flags.join(" "),
            edge.says,
            records.collect::<Vec<_>>().join(", "),
            windows.collect::<Vec<_>>().join(", "),
        );
    }
    table
}
