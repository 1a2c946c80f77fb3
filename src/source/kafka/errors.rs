//! The client library's error codes, told in the program's own words.

use archiver_format::position::Position;
use archiver_format::record::{LeaderEpoch, NextOffset};
use rdkafka_sys::{RDKafkaErrorCode as Code, RDKafkaRespErr};

use super::refusals::{BEFORE_BROKER, certificate_refused, hung_up, login_refused};
use crate::source::cluster::{KafkaError, Trouble};

/// What the client says before the offset and the epoch up to which was read, and where the log is another one.
const PARTED: [&str; 3] = [
    "detected at offset ",
    "leader epoch ",
    "broker end offset is ",
];

/// What the client says before the size of an answer that it doesn't take.
const IMPOSSIBLE_SIZE: &str = "Receive failed: Invalid response size ";

/// What the client logs when nobody answers its first question, and before it says who and how long that was.
const NO_ANSWER: &str = "ApiVersionRequest failed: Local: Timed out";
const NO_ANSWER_AFTER: &str = "(after ";

/// What the client logs of an answer that it can't make sense of, and before it says to what.
const GARBLED: [&str; 2] = [
    "Protocol parse failure for ",
    "Protocol read buffer underflow for ",
];

/// An error code with what was said of it.
pub(super) fn error(code: RDKafkaRespErr, said: &str) -> KafkaError {
    let code = Code::from(code);
    let kind = match code {
        Code::UnknownTopicOrPartition
        | Code::UnknownTopicId
        | Code::UnknownTopic
        | Code::UnknownPartition => Trouble::Missing,
        Code::TopicAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::GroupAuthorizationFailed => Trouble::Denied,
        Code::SaslAuthenticationFailed | Code::Authentication | Code::UnsupportedSASLMechanism => {
            Trouble::NotLetIn
        }
        Code::BrokerTransportFailure
        | Code::AllBrokersDown
        | Code::Resolve
        | Code::SSL
        | Code::OperationTimedOut
        | Code::MessageTimedOut
        | Code::RequestTimedOut => Trouble::Unreachable,
        Code::LeaderNotAvailable
        | Code::NotLeaderForPartition
        | Code::ReplicaNotAvailable
        | Code::BrokerNotAvailable
        | Code::NetworkException
        | Code::FencedLeaderEpoch
        | Code::UnknownLeaderEpoch
        | Code::OffsetNotAvailable
        | Code::CoordinatorLoadInProgress
        | Code::CoordinatorNotAvailable
        | Code::NotCoordinator
        | Code::WaitingForCoordinator
        // Until the end of a transaction is known everywhere.
        | Code::UnstableOffsetCommit
        | Code::ConcurrentTransactions => Trouble::Changing,
        Code::OffsetOutOfRange | Code::AutoOffsetReset => {
            parted(said).unwrap_or(Trouble::OutOfRange)
        }
        // A checksum, a codec or a format that isn't one; told by the broker or found by the client.
        Code::InvalidMessage | Code::BadMessage | Code::BadCompression | Code::NotImplemented => {
            Trouble::Corrupt(None)
        }
        _ => Trouble::Other,
    };
    let said = said.trim().replace(['\n', '\r'], " ");
    if let Some(text) = impossible_size(&said) {
        let kind = Trouble::Unreachable;
        return KafkaError { kind, text };
    }
    if let Some(hung_up) = hung_up(&said) {
        return hung_up;
    }
    if let Some(text) = certificate_refused(&said) {
        let kind = Trouble::NotLetIn;
        return KafkaError { kind, text };
    }
    let said = if said.is_empty() { words(code) } else { said };
    KafkaError {
        text: match kind {
            Trouble::NotLetIn => login_refused(&said),
            _ => said,
        },
        kind,
    }
}

/// What a code says, without its name in the client's code, which stands before that.
fn words(code: Code) -> String {
    let shown = code.to_string();
    let said = shown.split_once(" (").map(|(_, said)| said);
    let said = said.and_then(|said| said.strip_suffix(')'));
    said.unwrap_or(&shown).to_owned()
}

/// An answer of a size that can't be: the client advises to set a property that archiver refuses, as all its memory would
/// go by it.
fn impossible_size(said: &str) -> Option<String> {
    let (who, rest) = said.split_once(IMPOSSIBLE_SIZE)?;
    let size = rest.split(' ').next()?.parse::<i32>().ok()?;
    let begins = size.to_be_bytes();
    let is_text = begins.iter().all(|byte| matches!(byte, b' '..=b'~'));
    Some(match std::str::from_utf8(&begins) {
        Ok(begins) if is_text => {
            format!(
                "{who}what answers isn't Kafka: it begins with {begins:?}; is it the right port?"
            )
        }
        _ => format!(
            "{who}an answer that claims to have {size} bytes, which no answer of Kafka's has here; is it the right port?"
        ),
    })
}

/// Of a line of the client's log: nobody has answered its first question. It is no error to the client, which takes the
/// broker for an old one and asks again.
pub(super) fn no_answer(line: &str) -> Option<KafkaError> {
    let (who, rest) = line.split_once(NO_ANSWER)?;
    let who = who.rsplit(BEFORE_BROKER).next()?;
    let (_, after) = rest.rsplit_once(NO_ANSWER_AFTER)?;
    let ms = after.split("ms").next()?.parse::<u64>().ok()?;
    Some(KafkaError {
        kind: Trouble::Unreachable,
        text: format!("{who}no answer within {} s", ms / 1000),
    })
}

/// Of a line of the client's log: it can't make sense of what a broker answers to a fetch, asks again, and goes on so for
/// ever. It is no error to the client.
pub(super) fn garbled(line: &str) -> Option<KafkaError> {
    let found = GARBLED.iter().find_map(|words| line.split_once(words));
    let (who, rest) = found?;
    let who = who.rsplit(BEFORE_BROKER).next()?;
    let request = rest.split(" at ").next()?;
    request.starts_with("Fetch").then(|| KafkaError {
        kind: Trouble::Corrupt(None),
        text: format!("{who}the client can't make sense of the answer to {request}"),
    })
}

/// The same for a partition that is read, at the offset that the client names.
pub(super) fn reading(code: RDKafkaRespErr, said: &str, offset: i64) -> KafkaError {
    let mut e = error(code, said);
    // A broker that refuses to read its log doesn't say where the batch begins: the offset is the one asked for.
    if e.is_corrupt() && Code::from(code) != Code::InvalidMessage && offset >= 0 {
        e.kind = Trouble::Corrupt(Some(NextOffset::new(offset)));
    }
    e
}

/// That the log holds something else than was read. The client tells it in words only.
fn parted(said: &str) -> Option<Trouble> {
    let number = |words| {
        let (_, rest) = said.split_once(words)?;
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse::<i64>().ok()
    };
    let [next, epoch, from] = PARTED.map(number);
    let epoch = epoch.and_then(|epoch| LeaderEpoch::try_from(epoch).ok());
    let at = Position {
        next: NextOffset::new(next?),
        epoch,
    };
    let from = NextOffset::new(from?);
    Some(Trouble::Truncated { at, from })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(code: RDKafkaRespErr, said: &str) -> Trouble {
        reading(code, said, 7).kind
    }

    #[test]
    fn a_log_that_was_cut_off_says_where() {
        let reset = RDKafkaRespErr::RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET;
        let said = "Partition log truncation detected at offset 100 (leader epoch 3): broker end offset is 50 (offset \
                    leader epoch 3). Reset to INVALID.: Local: Partition log truncation detected (broker 2)";
        let at = Position {
            next: NextOffset::new(100),
            epoch: Some(3),
        };
        let from = NextOffset::new(50);
        assert_eq!(kind(reset, said), Trouble::Truncated { at, from });
        let unknown = "No epoch found less or equal to offset 100 (leader epoch 3): broker end offset is -1 (offset \
                       leader epoch -1). Reset using configured policy.";
        assert_eq!(kind(reset, unknown), Trouble::OutOfRange);
        let expired = "fetch failed due to requested offset not available on the broker: Broker: Offset out of range";
        assert_eq!(kind(reset, expired), Trouble::OutOfRange);
    }

    #[test]
    fn an_answer_that_isnt_kafka_s_is_called_that() {
        let bad = RDKafkaRespErr::RD_KAFKA_RESP_ERR__BAD_MSG;
        let said = |size: i32| {
            error(
                bad,
                &format!(
                    "localhost:80/bootstrap: Receive failed: Invalid response size {size} (0..100000000): increase \
                     receive.message.max.bytes"
                ),
            )
        };
        let http = said(0x4854_5450);
        assert_eq!(http.kind, Trouble::Unreachable);
        assert_eq!(
            http.text,
            "localhost:80/bootstrap: what answers isn't Kafka: it begins with \"HTTP\"; is it the right port?"
        );
        for size in [-1, 3, 0x4a00_0000] {
            let text = said(size).text;
            assert!(
                text.contains(&format!("an answer that claims to have {size} bytes")),
                "{text}"
            );
            assert!(text.ends_with("is it the right port?"), "{text}");
        }
    }

    #[test]
    fn a_first_question_without_an_answer_is_not_taken_for_a_broker_s_age() {
        let line = "[thrd:localhost:80/bootstrap]: localhost:80/bootstrap: ApiVersionRequest failed: Local: Timed out: \
                    probably due to broker version < 0.10 (see api.version.request configuration) (after 10010ms in \
                    state APIVERSION_QUERY)";
        let silent = no_answer(line).expect("it is told");
        assert_eq!(silent.kind, Trouble::Unreachable);
        assert_eq!(silent.text, "localhost:80/bootstrap: no answer within 10 s");
        let other = "[thrd:main]: ApiVersionRequest failed: Local: Broker transport failure";
        assert!(no_answer(other).is_none());
    }

    #[test]
    fn what_is_damaged_is_told_from_what_is_away() {
        let bad = RDKafkaRespErr::RD_KAFKA_RESP_ERR__BAD_MSG;
        let refused = RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_MSG;
        let away = RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
        assert_eq!(
            kind(bad, "MessageSet"),
            Trouble::Corrupt(Some(NextOffset::new(7)))
        );
        assert_eq!(kind(refused, "Fetch failed"), Trouble::Corrupt(None));
        assert_eq!(kind(away, "no leader"), Trouble::Changing);
        let moved = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION;
        assert_eq!(
            error(moved, "").text,
            "Broker: Not leader for partition",
            "the words alone"
        );
    }

    #[test]
    fn what_is_forbidden_is_told_from_what_is_away_or_missing() {
        use RDKafkaRespErr::*;
        for denied in [
            RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
            RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
            RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
        ] {
            assert_eq!(kind(denied, "no"), Trouble::Denied, "{denied:?}");
        }
        for login in [
            RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
            RD_KAFKA_RESP_ERR__AUTHENTICATION,
        ] {
            assert_eq!(kind(login, "no"), Trouble::NotLetIn, "{login:?}");
        }
        for away in [
            RD_KAFKA_RESP_ERR__TRANSPORT,
            RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
            RD_KAFKA_RESP_ERR__RESOLVE,
            RD_KAFKA_RESP_ERR__TIMED_OUT,
        ] {
            assert_eq!(kind(away, "no"), Trouble::Unreachable, "{away:?}");
        }
        for missing in [
            RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
            RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_ID,
            RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
        ] {
            assert_eq!(kind(missing, "no"), Trouble::Missing, "{missing:?}");
        }
    }
}
