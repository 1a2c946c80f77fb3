//! DuckDB, which reads what was made for it. `make test` installs it into target/python.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// Runs the statements that come, and prints the rows of the last one.
const SCRIPT: &str = "\
import duckdb, json, sys
connection = duckdb.connect()
connection.execute(\"SET TimeZone = 'UTC'\")
for statement in connection.extract_statements(sys.stdin.read()):
    result = connection.execute(statement)
names = [column[0] for column in result.description]
while rows := result.fetchmany(10000):
    for row in rows:
        print(json.dumps(dict(zip(names, row)), default=str))
";

fn python() -> PathBuf {
    let own = PathBuf::from(env!("CARGO_BIN_EXE_archiver"));
    let target = own.ancestors().nth(2).expect("a target directory");
    let python = target.join("python/bin/python");
    let shown = python.display();
    assert!(
        python.exists(),
        "{shown} isn't there: scripts/need.sh duckdb"
    );
    python
}

/// The rows of the last of these statements, run in a directory.
#[track_caller]
pub fn rows(directory: &Path, statements: &str) -> Vec<Value> {
    let mut child = Command::new(python())
        .args(["-c", SCRIPT])
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("is started");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(statements.as_bytes()).expect("is read");
    drop(input);
    let output = child.wait_with_output().expect("ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{statements}\n{said}");
    let rows = String::from_utf8(output.stdout).expect("text");
    let rows = rows
        .lines()
        .map(|row| serde_json::from_str(row).expect("JSON"));
    rows.collect()
}
