use std::fs;
use std::path::Path;

use archiver_format::compression::compress;
use archiver_format::segment::GROWING;

use super::written::{Written, with_change};
use crate::sim::random::Random;

/// Archives of many segments, with indexes.
fn each(seeds: u64, mut test: impl FnMut(u64, &mut Written)) {
    let templates = ["d/{seq:04}.ndjson", "{partition}-{seq}.ndjson"];
    for seed in 0..seeds {
        let random = Random::new(seed);
        let mut written = Written::with(random.pick(&templates), random);
        if written.config.index {
            written.grow(30);
            test(seed, &mut written);
        }
    }
}

fn assert_named(findings: &[String], path: &Path, what: &str) {
    let path = path.display().to_string();
    // One that is missing has neither name.
    let path = path.trim_end_matches(GROWING);
    let is_named = findings.iter().any(|finding| finding.contains(path));
    assert!(is_named, "{what} in {path} is not named: {findings:#?}");
}

/// Changes a file in some way, which must be found and named.
fn is_found(
    written: &Written,
    path: &Path,
    named: &Path,
    what: &str,
    change: impl FnOnce(&mut Vec<u8>),
) {
    if let Some(findings) = with_change(written, path, change) {
        assert_named(&findings, named, what);
    }
}

#[test]
fn a_changed_byte_a_cut_and_an_extra_line_are_found_in_each_file() {
    each(12, |_, written| {
        let random = written.random.clone();
        let state = archiver_format::state_files::StateDir::new(&written.config.state);
        let how = written.config.compression;
        for (path, index) in written.files() {
            let lists = [
                (&state.manifest(), &state.manifest()),
                (&state.checkpoint(), &state.checkpoint()),
            ];
            for (path, named) in [(&path, &path), (&index, &path)].into_iter().chain(lists) {
                is_found(written, path, named, "a changed byte", |bytes| {
                    let at = random.below(bytes.len());
                    bytes[at] ^= 1 << random.below(8);
                });
                is_found(written, path, named, "a cut", |bytes| {
                    bytes.truncate(random.below(bytes.len()));
                });
                is_found(written, path, named, "bytes that are missing", |bytes| {
                    let from = random.below(bytes.len());
                    bytes.drain(from..bytes.len().min(from + random.between(1, 90)));
                });
                is_found(written, path, named, "exchanged bytes", |bytes| {
                    let length = random.between(1, bytes.len() / 2);
                    let from = random.below(bytes.len() - 2 * length + 1);
                    let to = random.between(from + length, bytes.len() - length);
                    let (before, behind) = bytes.split_at_mut(to);
                    before[from..from + length].swap_with_slice(&mut behind[..length]);
                });
                is_found(written, path, named, "a line between", |bytes| {
                    let at = random.below(bytes.len());
                    bytes.splice(at..at, *b"{}\n");
                });
            }
            is_found(
                written,
                &path,
                &path,
                "an extra line at the beginning",
                |bytes| {
                    let extra = compress(b"{}\n".to_vec(), how).expect("compresses");
                    bytes.splice(0..0, extra);
                },
            );
        }
    });
}

#[test]
fn an_extra_line_in_a_sealed_segment_is_found() {
    each(12, |_, written| {
        let how = written.config.compression;
        let sealed = written.sealed().len();
        for (path, _) in written.files().into_iter().take(sealed) {
            is_found(written, &path, &path, "an extra line", |bytes| {
                bytes.extend(compress(b"{}\n".to_vec(), how).expect("compresses"));
            });
        }
    });
}

#[test]
fn a_file_that_is_deleted_is_found() {
    each(12, |_, written| {
        for (path, index) in written.files() {
            for missing in [&path, &index] {
                let aside = missing.with_extension("aside");
                fs::rename(missing, &aside).expect("moved");
                let findings = written.findings();
                assert_named(&findings, &path, "a missing file");
                fs::rename(&aside, missing).expect("moved back");
            }
        }
        let state = archiver_format::state_files::StateDir::new(&written.config.state);
        for missing in [state.manifest(), state.checkpoint()] {
            let aside = missing.with_extension("aside");
            fs::rename(&missing, &aside).expect("moved");
            assert_named(&written.findings(), &missing, "a missing file");
            fs::rename(&aside, &missing).expect("moved back");
        }
        assert!(written.findings().is_empty());
    });
}

fn exchange(one: &Path, other: &Path) {
    let between = one.with_extension("between");
    fs::rename(one, &between).expect("moved");
    fs::rename(other, one).expect("moved");
    fs::rename(&between, other).expect("moved");
}

#[test]
fn files_that_are_exchanged_are_found() {
    each(12, |_, written| {
        let files = written.files();
        for two in files.windows(2) {
            let [(one, one_index), (other, other_index)] = two else {
                continue;
            };
            for (these, those) in [(one, other), (one_index, other_index)] {
                exchange(these, those);
                let findings = written.findings();
                assert_named(&findings, one, "another file");
                assert_named(&findings, other, "another file");
                exchange(these, those);
            }
            // Each is sound by itself.
            exchange(one, other);
            exchange(one_index, other_index);
            let findings = written.findings();
            assert_named(&findings, one, "another segment");
            assert_named(&findings, other, "another segment");
            exchange(one, other);
            exchange(one_index, other_index);
        }
        assert!(written.findings().is_empty());
    });
}

#[test]
fn lines_of_the_manifest_that_are_missing_edited_or_exchanged_are_found() {
    each(12, |seed, written| {
        let random = written.random.clone();
        let path = written.manifest();
        let lines = |bytes: &[u8]| {
            let lines = bytes.split_inclusive(|byte| *byte == b'\n');
            lines.map(<[u8]>::to_vec).collect::<Vec<_>>()
        };
        let count = lines(&fs::read(&path).expect("a list")).len();
        for line in 0..count {
            is_found(written, &path, &path, "a missing line", |bytes| {
                let mut all = lines(bytes);
                all.remove(line);
                *bytes = all.concat();
            });
            is_found(written, &path, &path, "a doubled line", |bytes| {
                let mut all = lines(bytes);
                // Behind the last one it doesn't count.
                if line + 1 < count {
                    all.insert(line, all[line].clone());
                }
                *bytes = all.concat();
            });
            is_found(written, &path, &path, "exchanged lines", |bytes| {
                let mut all = lines(bytes);
                all.swap(line, random.below(count));
                *bytes = all.concat();
            });
            is_found(written, &path, &path, "an edited number", |bytes| {
                let mut all = lines(bytes);
                let digits = (0..all[line].len()).filter(|at| all[line][*at].is_ascii_digit());
                let digits = digits.collect::<Vec<_>>();
                let at = random.pick(&digits);
                all[line][at] = b'0' + (all[line][at] - b'0' + 1) % 10;
                *bytes = all.concat();
            });
        }
        // Another archive's list, and any line of it.
        let mut other = Written::with("d/{seq:04}.ndjson", Random::new(seed + 1_000));
        other.grow(30);
        let theirs = fs::read(other.manifest()).unwrap_or_default();
        for line in 1..count - 1 {
            is_found(written, &path, &path, "a strange line", |bytes| {
                let mut all = lines(bytes);
                let strange = lines(&theirs);
                all[line] = strange[random.below(strange.len())].clone();
                *bytes = all.concat();
            });
        }
        is_found(written, &path, &path, "another list", |bytes| {
            *bytes = theirs
        });
    });
}

#[test]
fn a_file_that_is_called_like_a_segment_is_found() {
    each(12, |_, written| {
        let (path, _) = written.files().remove(0);
        let name = path.to_str().expect("text");
        let strange = match name.rsplit_once('-') {
            Some((before, _)) => format!("{before}-777777.ndjson"),
            None => path.with_file_name("777777.ndjson").display().to_string(),
        };
        fs::write(&strange, "{}\n").expect("room");
        assert_named(&written.findings(), Path::new(&strange), "a strange file");
        fs::rename(&strange, format!("{strange}.part")).expect("moved");
        let report = written.verified();
        assert!(report.is_sound());
        assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
    });
}
