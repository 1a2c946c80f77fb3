use std::path::Path;

use super::super::Values;
use super::template;

fn may_meet(one: &str, other: &str) -> bool {
    let [one, other] = [one, other].map(|text| {
        let template = template(text);
        template.paths(&Path::new("/data").join(template.fixed_directory()))
    });
    assert_eq!(one.may_meet(&other), other.may_meet(&one));
    one.may_meet(&other)
}

#[test]
fn templates_that_could_give_one_path_are_told() {
    for (one, other) in [
        ("d/x{seq}.ndjson", "d/x1{seq}.ndjson"),
        ("d/{partition}-{seq}", "d/0-{seq}"),
        ("d/{partition}-{seq}", "d/all-{seq}"),
        ("d/{partition}/{seq}", "d/7/{seq:03}"),
        ("d/{seq}/{seq}.ndjson", "d/{seq}"),
        ("d/{seq}/{seq}.ndjson", "d/17"),
        ("d/{time:%Y}-{seq}", "d/unknown-{seq}"),
        ("d/{time:%Y-%m}-{seq}", "d/{partition}-{opened:%H}-{seq}"),
        ("d/{time:%B}-{seq}", "d/March-{seq}"),
        ("d/{seq}", "d/3"),
        // While it grows.
        ("d/{seq}", "d/3.part"),
        ("{seq}", "{seq:06}"),
    ] {
        assert!(may_meet(one, other), "{one} {other}");
    }
}

#[test]
fn templates_that_have_no_path_in_common_are_told_from_them() {
    for (one, other) in [
        ("d/metrics-{seq}.ndjson", "d/metrics-eu-{seq}.ndjson"),
        ("d/a/{seq}", "d/b/{seq}"),
        ("d/a{seq}.ndjson", "d/b{seq}.ndjson"),
        ("d/a-{seq}.ndjson", "d/a-{seq}.ndjson.gz"),
        ("d/a-{seq}", "d/a-{time:%Y-%m-%d}-{seq}"),
        ("d/dt={time:%F}/a-{seq}", "d/dt={time:%F}/b-{seq}"),
        ("d/{partition}/a-{seq}", "d/{partition}/b-{seq}"),
        ("d/{partition}/a", "d/{partition}/ab"),
        ("d/{seq}.ndjson", "d/all.ndjson"),
        ("d/{seq:06}", "d/17"),
        ("d/{seq}", "d/3.parts"),
        ("d/{seq}", "e/{seq}"),
        ("d/{seq}", "d/x/{seq}"),
    ] {
        assert!(!may_meet(one, other), "{one} {other}");
    }
}

#[test]
fn a_path_that_a_template_has_given_meets_it() {
    for text in [
        "d/{partition}-{seq:03}",
        "{time:%F %T%z %a}-{opened:%s}-{seq}",
    ] {
        let given = template(text).path(&Values {
            partition: Some(7),
            sequence: 1234,
            opened_ms: 1_764_420_000_000,
            time_ms: Some(1_764_420_000_123),
        });
        let given = given.display().to_string();
        assert!(may_meet(text, &given), "{text} {given}");
        assert!(!may_meet(text, &format!("{given}x")), "{text} {given}");
    }
}
