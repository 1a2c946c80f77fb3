use super::super::Values;
use super::{Chance, ZONES, template, zone};

#[test]
fn each_path_that_a_template_gives_has_its_shape() {
    let mut chance = Chance(7);
    for text in [
        "a/{seq:06}.ndjson",
        "{partition}",
        "of-{partition}-{seq}.gz",
        "dt={time:%Y-%m-%d}/hour={time:%H}/{seq}",
        "{opened:%Y%m%d-%H%M%S}_{seq:03}",
        "{time:%F %T%z %a %B %p}-{opened:%s}-{seq}",
        "{time:%j.%-d.%%}/{partition}/{seq}",
    ] {
        for _ in 0..300 {
            let template = template(text).in_zone(zone(chance.one_of(&ZONES)));
            let time = chance.below(4_000_000_000_000) as i64;
            let values = Values {
                partition: (chance.below(3) > 0).then(|| chance.below(2_000) as i32),
                sequence: chance.below(1 << 40),
                opened_ms: time,
                time_ms: (chance.below(5) > 0).then_some(time),
            };
            let path = template.path(&values).display().to_string();
            assert!(template.can_give(&path), "{text} has given {path}");
            for other in [
                format!("{path}x"),
                format!("x{path}"),
                path.replace('-', "+"),
            ] {
                assert!(
                    other == path || !template.can_give(&other) || text.contains("%z"),
                    "{other}"
                );
            }
        }
    }
}

#[test]
fn what_another_archive_calls_its_segments_has_another_shape() {
    for (text, other) in [
        ("a-{seq}", "a-b-000001"),
        ("a-{seq}", "a-2026-11-20-000001"),
        ("a-{time:%Y}-{seq}", "a-b-2026-1"),
        ("{partition}.ndjson", "all.ndjson.gz"),
        ("{partition}.ndjson", "a.ndjson"),
        ("a/{seq}.ndjson", "a/1.ndjson.gz"),
    ] {
        assert!(!template(text).can_give(other), "{text}: {other}");
    }
}
