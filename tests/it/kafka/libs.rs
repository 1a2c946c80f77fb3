//! Kafka's jars, fetched once into the target directory: of the version in `tests/kafka/pom.xml`, or of
//! `ARCHIVER_TEST_KAFKA`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The directory with the jars.
pub fn libs() -> Result<&'static Path, String> {
    static LIBS: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    LIBS.get_or_init(fetch).as_deref().map_err(Clone::clone)
}

/// `tests/kafka/NAME`.
pub fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/kafka")
        .join(name)
}

fn fetch() -> Result<PathBuf, String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("the target directory");
    let version = std::env::var("ARCHIVER_TEST_KAFKA").ok();
    let base = target.join(match &version {
        Some(version) => format!("kafka-{version}"),
        None => "kafka".to_owned(),
    });
    let libs = base.join("libs");
    let fail = |what: &str, e: std::io::Error| format!("{what}: {e}");
    fs::create_dir_all(&base).map_err(|e| fail("target/kafka", e))?;
    let lock = File::create(base.join("lock")).map_err(|e| fail("target/kafka/lock", e))?;
    lock.lock().map_err(|e| fail("target/kafka/lock", e))?;
    // A new pom is a new set of jars.
    let pom = fs::read(source("pom.xml")).map_err(|e| fail("tests/kafka/pom.xml", e))?;
    let seen = base.join("pom.xml");
    if libs.is_dir() && fs::read(&seen).is_ok_and(|old| old == pom) {
        return Ok(libs);
    }
    let partial = base.join("libs.part");
    for old in [&partial, &libs] {
        if old.exists() {
            fs::remove_dir_all(old).map_err(|e| fail("target/kafka", e))?;
        }
    }
    // Maven's own output goes to a target directory beside the pom: keep it out of the sources.
    fs::write(&seen, &pom).map_err(|e| fail("target/kafka/pom.xml", e))?;
    let output = Command::new("mvn")
        .args(["-q", "-B", "dependency:copy-dependencies", "-f"])
        .arg(&seen)
        .arg(format!("-DoutputDirectory={}", partial.display()))
        .args(version.map(|version| format!("-Dkafka.version={version}")))
        .output()
        .map_err(|e| {
            fail(
                "mvn, which fetches Kafka for the tests (Debian's package maven)",
                e,
            )
        })?;
    if !output.status.success() {
        let _ = fs::remove_file(&seen);
        let said = String::from_utf8_lossy(&output.stdout);
        return Err(format!(
            "mvn could not fetch Kafka: {}: {said}",
            output.status
        ));
    }
    fs::rename(&partial, &libs).map_err(|e| fail("target/kafka/libs", e))?;
    Ok(libs)
}
