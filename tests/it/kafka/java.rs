//! Running Java: Kafka itself, its tools and the small programs in `tests/kafka`.

use std::ffi::OsStr;
use std::process::Command;

use super::libs::{libs, source};

/// `java` with Kafka's jars and the given options.
pub fn java(options: &[&str]) -> Result<Command, String> {
    let mut class_path = libs()?.as_os_str().to_owned();
    class_path.push("/*");
    let mut java = Command::new("java");
    java.args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
    java.args(options).arg("-cp").arg(class_path);
    Ok(java)
}

/// Runs `tests/kafka/PROGRAM` to its end.
pub fn run(program: &str, args: &[impl AsRef<OsStr>]) {
    main(source(program).as_os_str(), args);
}

/// Runs a tool of Kafka's, by its class, to its end.
pub fn tool(class: &str, args: &[impl AsRef<OsStr>]) {
    main(OsStr::new(class), args);
}

fn main(program: &OsStr, args: &[impl AsRef<OsStr>]) {
    let quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error";
    let output = java(&["-Xmx512m", quiet])
        .unwrap()
        .arg(program)
        .args(args)
        .output()
        .expect("java");
    let said = String::from_utf8_lossy(&output.stderr);
    let program = program.to_string_lossy();
    assert!(
        output.status.success(),
        "{program}: {}: {said}",
        output.status
    );
}
