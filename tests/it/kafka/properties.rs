//! A node's configuration.

use std::fmt::Write;
use std::net::TcpListener;
use std::path::Path;

use super::certificates::Certificates;
use super::secured;
use crate::random::Random;

/// Where one node listens.
#[derive(Clone, Copy)]
pub struct Ports {
    pub plain: u16,
    /// What is advertised here is the proxy's address, if there is one.
    pub proxied: u16,
    /// Those of a secured node's listeners.
    pub secured: [u16; secured::LISTENERS],
    pub controller: u16,
}

impl Ports {
    /// Free ones. They lie below those that the system gives to outgoing connections, so
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
            proxied: next(),
            secured: std::array::from_fn(|_| next()),
            controller: next(),
        }
    }
}

/// What `server.properties` follows from.
pub struct Layout<'a> {
    /// Which of the nodes it is, from 1.
    pub id: usize,
    /// All of them, in the order of their ids.
    pub nodes: &'a [Ports],
    pub data: &'a Path,
    /// Listeners ask for certificates and logins, and topics for rights.
    pub secured: Option<&'a Certificates>,
    /// The port of the proxy that stands before the listener for it.
    pub proxy: Option<u16>,
}

/// `server.properties` of one node.
pub fn properties(layout: &Layout) -> String {
    let ports = layout.nodes[layout.id - 1];
    let mut listeners = format!("PLAINTEXT://127.0.0.1:{}", ports.plain);
    let mut advertised = listeners.clone();
    if let Some(proxy) = layout.proxy {
        write!(listeners, ",PROXIED://127.0.0.1:{}", ports.proxied).unwrap();
        write!(advertised, ",PROXIED://127.0.0.1:{proxy}").unwrap();
    }
    if layout.secured.is_some() {
        let more = secured::listeners(&ports.secured);
        listeners.push_str(&more);
        advertised.push_str(&more);
    }
    let voters = layout.nodes.iter().zip(1..);
    let voters: Vec<_> = voters
        .map(|(ports, id)| format!("{id}@127.0.0.1:{}", ports.controller))
        .collect();
    let mut text = format!(
        "process.roles=broker,controller
node.id={id}
controller.quorum.voters={voters}
controller.listener.names=CONTROLLER
listeners={listeners},CONTROLLER://127.0.0.1:{controller}
advertised.listeners={advertised}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT{protocols}
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=1
offsets.topic.replication.factor={replicas}
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr=1
log.retention.check.interval.ms=1000
log.retention.ms=-1
log.segment.delete.delay.ms=1000
socket.send.buffer.bytes=-1
socket.receive.buffer.bytes=-1
",
        id = layout.id,
        voters = voters.join(","),
        controller = ports.controller,
        data = layout.data.display(),
        replicas = layout.nodes.len(),
        protocols = secured::protocols(),
    );
    if layout.nodes.len() > 1 {
        // A dead leader is replaced in seconds, also on a busy machine no sooner.
        text.push_str(
            "broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=300
controller.quorum.election.timeout.ms=1000
controller.quorum.fetch.timeout.ms=2000
replica.lag.time.max.ms=3000
",
        );
    }
    if let Some(certificates) = layout.secured {
        text.push_str(&secured::properties(certificates));
    }
    text
}
