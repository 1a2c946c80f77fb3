//! The client library's error codes, told in the program's own words.

use rdkafka_sys::{RDKafkaErrorCode as Code, RDKafkaRespErr};

use crate::cluster::{KafkaError, Trouble};

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
        | Code::GroupAuthorizationFailed
        | Code::SaslAuthenticationFailed
        | Code::Authentication => Trouble::Denied,
        Code::BrokerTransportFailure
        | Code::AllBrokersDown
        | Code::Resolve
        | Code::SSL
        | Code::OperationTimedOut
        | Code::RequestTimedOut => Trouble::Unreachable,
        Code::OffsetOutOfRange | Code::AutoOffsetReset => Trouble::OutOfRange,
        _ => Trouble::Other,
    };
    let said = said.trim().replace(['\n', '\r'], " ");
    KafkaError {
        kind,
        text: if said.is_empty() {
            code.to_string()
        } else {
            said
        },
    }
}
