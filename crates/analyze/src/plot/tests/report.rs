//! The page, as text. What it does in a browser, `make browser` tries.

use super::{MINUTE_MS, at, berlin, groups, judged, series};
use crate::plot::report::Report;
use crate::plot::series::Series;

fn html(title: &str, series: &[Series]) -> String {
    let zone = berlin();
    let report = Report {
        title,
        series,
        zone: &zone,
    };
    report.html().expect("is written")
}

/// What is drawn, read as the page's script reads it.
fn data(html: &str) -> serde_json::Value {
    let (_, data) = html.split_once("id=\"data\">").expect("data");
    let (data, _) = data.split_once("</script>").expect("its end");
    serde_json::from_str(data).expect("JSON")
}

#[test]
fn nothing_in_names_is_anything_but_text() {
    let evil = "</script><script>alert(1)</script><!--<img src=x onerror='a()'>\"&\u{0}";
    let page = html(evil, &groups(&[Some(evil)]));
    assert_eq!(
        page.matches("<script").count(),
        2 + page.matches("\\u003cscript").count()
    );
    assert!(!page.contains("alert(1)</script>") && !page.contains("<img"));
    assert!(page.contains("&lt;/script&gt;&lt;script&gt;alert(1)"));
    assert!(page.contains("&quot;&amp;\u{fffd}</h1>"));
}

#[test]
fn nothing_is_asked_for_elsewhere_and_only_what_is_in_it_may_run() {
    let page = html("data", &[series([at(0, 1.0)])]);
    assert!(page.contains("content=\"default-src 'none'; script-src 'sha256-"));
    assert!(!page.contains("unsafe-inline") && !page.contains("unsafe-eval"));
    for word in [" src=", "<link", "@import", "url(", " style=", "onclick"] {
        let (_, body) = page.split_once("<body>").expect("a body");
        let (body, _) = body.split_once("<script>").expect("the script");
        assert!(!body.contains(word), "{word}");
    }
    // Its licence asks for that.
    assert!(page.contains("The MIT License (MIT)") && page.contains("Leon Sorokin"));
}

#[test]
fn an_anomaly_stands_in_the_table_with_what_was_expected() {
    let points = (0..9).map(|n| {
        let value = if n == 4 { 1_234.5 } else { 50.0 };
        judged(at(n * MINUTE_MS, value), 50.0)
    });
    let page = html("data", &[series(points)]);
    let (_, table) = page.split_once("Table of anomalies").expect("a table");
    assert!(table.contains(">2026-10-25 00:04:00</a>"), "{table}");
    for number in ["1,234.5", "50", "40", "60", "118.45"] {
        assert!(
            table.contains(&format!("<td class=\"number\">{number}</td>")),
            "{number}"
        );
    }
    let anomalies = &data(&page)["series"][0]["anomalies"];
    assert_eq!(anomalies[4], 1_234.5);
    assert!(anomalies[3].is_null());
}

#[test]
fn the_data_are_the_points_and_gaps_are_null() {
    let points = [at(0, 1.0), at(1, f64::NAN), at(2, 3.0)];
    let data = data(&html("data", &[series(points)]));
    let series = &data["series"][0];
    assert_eq!(series["values"], serde_json::json!([1.0, null, 3.0]));
    assert_eq!(series["times"][2].as_i64(), Some(at(2, 3.0).time_ms));
    assert_eq!(data["zone"], "Europe/Berlin");
    assert!(series["lower"].is_null() && series["anomalies"].is_null());
}

#[test]
fn a_page_of_nothing_says_so() {
    let page = html("data", &[]);
    assert!(page.contains("<p>no values \u{b7} 0 anomalies</p>") && page.contains("<p>None.</p>"));
    assert!(data(&page)["range"].is_null());
}
