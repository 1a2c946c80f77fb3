//! Where segments are, and that each has a path of its own.

use std::path::Path;

use super::super::{Template, TemplateError, Values};
use super::{Chance, ZONES, template, zone};

#[test]
fn topic_and_name_are_filled_in_and_the_rest_is_left() {
    let filled = template("{topic}/{name}-{seq:03}").with("metrics", "a.b");
    assert_eq!(filled, Ok(template("metrics/a.b-{seq:03}")));
    let filled = template("data/{topic}{{}}").with("t", "n").expect("a path");
    assert!(filled.is_fixed());
    assert_eq!(filled.path(&Values::default()), Path::new("data/t{}"));
}

#[test]
fn no_name_leads_out_of_its_directory_or_to_what_is_archivers_own() {
    for bad in ["", ".", "..", "a/b", "/", "../x", "a\0"] {
        let filled = template("data/{topic}/x").with(bad, "n");
        assert_eq!(filled, Err(TemplateError::Name { of: "topic" }), "{bad:?}");
        let filled = template("data/{name}/x").with("t", bad);
        assert_eq!(
            filled,
            Err(TemplateError::Name { of: "archive" }),
            "{bad:?}"
        );
        // Nothing is asked of what isn't used.
        assert!(template("data/{seq}").with(bad, bad).is_ok());
    }
    for text in ["{topic}/{seq}", "a/{topic}/b", "a/{topic}"] {
        let filled = template(text).with(".archiver", "n");
        assert_eq!(filled, Err(TemplateError::OwnState), "{text}");
    }
    for text in [
        ".{topic}/x",
        ".{topic}/{seq}",
        ".archiver/{seq}",
        "a/{seq}/.archiver/x",
    ] {
        let filled = template(text).with("archiver", "n");
        assert_eq!(filled, Err(TemplateError::OwnState), "{text}");
    }
    for text in [
        "{topic}",
        "{seq}-{topic}",
        "{seq}.{name}",
        "{time:%Y.}part/{seq}.part",
    ] {
        let filled = template(text).with("x.part", "part");
        assert_eq!(filled, Err(TemplateError::Growing), "{text}");
    }
    // Dots at the beginning are only a name.
    for (text, topic, expected) in [
        ("data/{topic}/{seq}", "...", "data/.../0"),
        ("data/{topic}/{seq}", ".hidden", "data/.hidden/0"),
        ("{topic}.archiver/{seq}", "a", "a.archiver/0"),
        (".archiver/{{fixed}}", "t", ".archiver/{fixed}"),
        ("fixed.part", "t", "fixed.part"),
    ] {
        let filled = template(text).with(topic, "n").expect("a path");
        assert_eq!(filled.path(&Values::default()), Path::new(expected));
    }
}

#[test]
fn the_fixed_directory_is_the_deepest_one_without_a_placeholder() {
    for (text, expected) in [
        ("x", ""),
        ("a/x", "a"),
        ("/x", "/"),
        ("a/b.d/x-{seq}.gz", "a/b.d"),
        ("{seq}", ""),
        ("/{seq}", "/"),
        ("a/{seq}", "a"),
        ("a/dt={time:%Y}/b/{seq}", "a"),
        ("../a/{partition}/b", "../a"),
        ("a/{time:%Y/%m}-{seq}", "a"),
        ("a/{topic}/b/{seq}", "a/metrics/b"),
    ] {
        let filled = template(text).with("metrics", "n").expect("a path");
        assert_eq!(filled.fixed_directory(), Path::new(expected), "{text}");
    }
}

#[test]
fn a_template_tells_what_it_is_by() {
    let of = |text: &str| {
        let t = template(text);
        (
            t.is_fixed(),
            t.by_partition(),
            t.by_time(),
            t.has_sequence(),
        )
    };
    assert_eq!(of("a{{b}}"), (true, false, false, false));
    assert_eq!(of("{topic}"), (false, false, false, false));
    assert_eq!(of("{partition}"), (false, true, false, false));
    assert_eq!(of("{seq}"), (false, false, false, true));
    assert_eq!(of("{time:%H}-{seq}"), (false, false, true, true));
    assert_eq!(of("{opened:%H}-{seq}"), (false, false, false, true));
}

/// A text that is often a template.
fn drawn(chance: &mut Chance) -> String {
    let tokens = [
        "{partition}",
        "{seq}",
        "{seq:06}",
        "{time:%Y-%m-%d}",
        "{time:%-d}",
        "{time:%-m%-d/%-H}",
        "{time:%b%B}",
        "{time:%A %p%I}",
        "{time:%Y%z}",
        "{opened:%H%M%S}",
        "{opened:%-S}",
        "{time:%s}",
        "1",
        "-1",
        "-",
        "/",
        "x",
        ".",
        "unknown",
        "Mar",
        "all",
    ];
    let count = 1 + chance.below(7);
    let drawn = (0..count).map(|_| chance.one_of(&tokens));
    drawn.collect()
}

fn values(chance: &mut Chance) -> Values {
    let spread = [100, 4_000_000_000_000, 1 << 62][chance.below(3) as usize];
    let partition = Some(chance.below(30) as i32);
    Values {
        partition,
        sequence: chance.below(120),
        opened_ms: chance.below(spread) as i64,
        time_ms: chance
            .below(4)
            .checked_sub(1)
            .map(|_| chance.below(spread) as i64),
    }
}

#[test]
fn no_two_segments_of_an_archive_get_one_path() {
    let mut chance = Chance(2);
    let mut compared = 0;
    for _ in 0..20_000 {
        let text = drawn(&mut chance);
        let Ok(template) = Template::parse(&text) else {
            continue;
        };
        let template = template.in_zone(zone(chance.one_of(&ZONES)));
        let mut buckets = template.buckets();
        for _ in 0..40 {
            let (one, mut other) = (values(&mut chance), values(&mut chance));
            // What differs in one value alone is what could be mistaken.
            for value in 0..4 {
                if chance.below(2) == 0 {
                    match value {
                        0 => other.partition = one.partition,
                        1 => other.sequence = one.sequence,
                        2 => other.opened_ms = one.opened_ms,
                        _ => other.time_ms = one.time_ms,
                    }
                }
            }
            let differs = (template.has_sequence() && one.sequence != other.sequence)
                || (template.by_partition() && one.partition != other.partition)
                || buckets.of(one.time_ms) != buckets.of(other.time_ms);
            let (first, second) = (template.path(&one), template.path(&other));
            assert!(
                !differs || first != second,
                "{text}: {one:?} and {other:?} are {first:?}"
            );
            compared += u32::from(differs);
        }
    }
    assert!(compared > 10_000, "{compared}");
}
