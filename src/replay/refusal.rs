//! What is said of a record that was refused.

use crate::source::kafka::Refusal;

/// Why it was refused, with what can be done.
pub(super) fn why(refusal: Refusal, said: &str) -> String {
    let advice = match refusal {
        Refusal::Timestamp => {
            "the topic's message.timestamp.before.max.ms or message.timestamp.after.max.ms forbids its timestamp; use \
             --timestamps shift or now, or set them higher"
        }
        Refusal::Invalid => {
            "a compacted topic takes no record without a key; name one with --key, or send to another topic"
        }
        Refusal::TooLarge => {
            "it is larger than the topic's max.message.bytes; set that higher, or use --compression zstd"
        }
        Refusal::Denied => {
            "who sends may not write there; allow it (kafka-acls --add --producer), or log in as somebody else"
        }
        Refusal::Gone => {
            "the topic was deleted, most likely; make it again and begin anew, without --resume"
        }
        Refusal::Company | Refusal::Other | Refusal::Lost => return said.to_owned(),
    };
    format!("{said}: {advice}")
}

/// The same of a topic, where it ends the replay.
pub(super) fn ended(topic: &str, refusal: Refusal, why: &str, is_in_transaction: bool) -> String {
    match (refusal, is_in_transaction) {
        (Refusal::Lost, _) => format!(
            "topic {topic}: a record has not arrived: {why}; go on with --resume once the brokers answer"
        ),
        (Refusal::Gone | Refusal::Denied, _) => {
            format!("topic {topic}: a record was refused: {why}")
        }
        (_, true) => format!(
            "topic {topic}: a record was refused: {why}; its transaction was taken back. Without --exactly-once, \
             --on-refused skip leaves such records out and counts them"
        ),
        (_, false) => format!(
            "topic {topic}: a record was refused: {why}; --on-refused skip leaves such records out and counts them"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_with_what_can_be_done() {
        for (refusal, advice) in [
            (Refusal::Timestamp, "--timestamps shift"),
            (Refusal::Invalid, "--key"),
            (Refusal::TooLarge, "max.message.bytes"),
            (Refusal::Denied, "kafka-acls"),
            (Refusal::Gone, "make it again"),
        ] {
            let why = why(refusal, "no");
            assert!(why.starts_with("no: ") && why.contains(advice), "{why}");
        }
        assert_eq!(why(Refusal::Other, "no"), "no");
        let said = ended("t", Refusal::Gone, "no", false);
        assert!(!said.contains("skip"), "skipping doesn't help: {said}");
        assert!(ended("t", Refusal::Timestamp, "no", false).contains("--on-refused skip"));
        assert!(ended("t", Refusal::Lost, "no", false).contains("--resume"));
    }
}
