use archiver_format::verify::Severity;

use super::written::Written;

/// So many archives, unless the environment says otherwise.
fn archives() -> u64 {
    let set = std::env::var("ARCHIVER_VERIFIED").ok();
    set.and_then(|set| set.parse().ok()).unwrap_or(1_000)
}

#[test]
fn a_sound_archive_is_never_accused() {
    for seed in 0..archives() {
        let mut written = Written::new(seed);
        written.grow(seed as usize % 12);
        let report = written.verified();
        let is_wrong = |severity| match severity {
            Severity::Unknown => written.config.index,
            severity => severity == Severity::Wrong,
        };
        let wrong = report.findings.iter();
        let wrong = wrong.filter(|finding| is_wrong(finding.severity()));
        let wrong = wrong.map(ToString::to_string).collect::<Vec<_>>();
        assert!(wrong.is_empty(), "seed {seed}: {wrong:#?}");
        assert!(report.is_sound());
        if report.deleted == 0 && !written.config.template.is_fixed() {
            assert_eq!(report.records, written.records(), "seed {seed}");
        }
        // It goes on meanwhile: what no checkpoint counts yet is no fault.
        for _ in 0..3 {
            written.batch();
        }
        assert!(written.verified().is_sound(), "seed {seed} while it grows");
    }
}
