//! The server's configuration.

use std::net::TcpListener;
use std::path::Path;

use crate::random::Random;

/// Where one server listens.
#[derive(Clone, Copy)]
pub struct Ports {
    pub plain: u16,
    pub sasl: u16,
    pub controller: u16,
}

impl Ports {
    /// Three free ones. They lie below those that the system gives to outgoing connections, so
    /// that nobody takes one while a stopped server is away from it.
    pub fn free() -> Ports {
        let mut random = Random::new(super::server::entropy());
        let mut next = || loop {
            let port = random.between(20_000, 32_000) as u16;
            if TcpListener::bind(("127.0.0.1", port)).is_ok() {
                return port;
            }
        };
        Ports {
            plain: next(),
            sasl: next(),
            controller: next(),
        }
    }
}

/// `server.properties`; with `secured`, a second listener asks for SCRAM and topics for rights.
pub fn properties(ports: Ports, data: &Path, secured: bool) -> String {
    let Ports {
        plain,
        sasl,
        controller,
    } = ports;
    let (listeners, advertised) = if secured {
        (
            format!(",SASL://127.0.0.1:{sasl}"),
            format!(",SASL://127.0.0.1:{sasl}"),
        )
    } else {
        Default::default()
    };
    let mut text = format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{plain}{listeners},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{plain}{advertised}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={}
auto.create.topics.enable=false
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
log.retention.check.interval.ms=1000
log.segment.delete.delay.ms=1000
socket.send.buffer.bytes=-1
socket.receive.buffer.bytes=-1
",
        data.display()
    );
    if secured {
        text.push_str(
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
",
        );
    }
    text
}
