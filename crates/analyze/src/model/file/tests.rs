use super::*;
use crate::model::rows::Rows;

fn model() -> Model {
    let rows = Rows {
        key: vec![Some("a \"b\"".to_owned())],
        features: (0..30).map(|n| f64::from(n % 7) / 3.0).collect(),
        ..Rows::default()
    };
    let question = Question {
        features: vec!["ms".to_owned()],
        by: vec!["app".to_owned()],
        filter: Some("ms < 1.2".to_owned()),
        ..Question::default()
    };
    let group = Group::learn(rows, 1, Method::KMeans, 3, 1).unwrap();
    let from = LearnedFrom {
        source: "services".to_owned(),
        rows: 30,
        ..LearnedFrom::default()
    };
    Model::new(Method::KMeans, Some(3), 1, question, from, vec![group])
}

fn refused(bytes: &[u8]) -> String {
    format!("{:#}", Model::decode(bytes).unwrap_err())
}

#[test]
fn a_model_is_read_as_it_was_written_and_each_group_is_a_line() {
    let text = model().text().unwrap();
    assert_eq!(Model::decode(text.as_bytes()).unwrap(), model());
    assert!(
        text.starts_with(
            "{\n  \"kind\": \"archiver-analyze model\",\n  \"format\": 1,\n  \"method\": \"kmeans\""
        ),
        "{text}"
    );
    let groups = text.lines().filter(|line| line.contains("\"centres\""));
    assert_eq!(groups.count(), 1);
    assert!(text.ends_with("}\n  ]\n}\n"), "{text}");
}

#[test]
fn a_file_that_is_no_whole_model_of_a_known_format_is_refused() {
    let text = model().text().unwrap();
    for end in [1, 20, 200, text.len() - 3] {
        let said = refused(&text.as_bytes()[..end]);
        assert!(said.contains("ends before it is whole"), "{end}: {said}");
    }
    let newer = text.replace("\"format\": 1", "\"format\": 2");
    assert!(refused(newer.as_bytes()).contains("it is of format 2"));
    for other in [
        "",
        "{}",
        "[1]",
        "no JSON",
        "{\"kind\":\"other\",\"format\":1}",
    ] {
        assert!(
            refused(other.as_bytes()).contains("this is no model"),
            "{other}"
        );
    }
    let fewer = text.replace("\"ms\"\n", "\"ms\", \"count\"\n");
    assert_ne!(fewer, text);
    assert!(refused(fewer.as_bytes()).contains("doesn't fit its 2 features"));
    let infinite = text.replace("\"threshold\":", "\"threshold\":-");
    assert!(refused(infinite.as_bytes()).contains("it is damaged"));
    let none = text.replace("\"features\": [\n    \"ms\"\n  ]", "\"features\": []");
    assert!(refused(none.as_bytes()).contains("it is damaged"));
}
