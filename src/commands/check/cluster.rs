//! Whether a cluster can be reached: names, ports, TLS and login, of each broker.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::finding::{Findings, Outcome};
use crate::config::{Checked, Cluster};
use crate::source::cluster::{KafkaError, Trouble};
use crate::source::kafka::{Broker, Scanner};

/// How long a port may take to be opened.
const CONNECTING: Duration = Duration::from_secs(5);
/// Where a broker listens if nobody says.
const USUAL_PORT: u16 = 9092;

/// Why a broker's port can't be reached.
enum Unreached {
    Name(io::Error),
    Port(io::Error),
}

/// Looks at a cluster; one that answers can be asked more.
pub(super) async fn cluster(
    config: &Checked<Cluster>,
    memory_bytes: u64,
    topic: &str,
) -> (Findings, Option<Scanner>) {
    let mut findings = Findings::about(format!("cluster {}", config.name));
    if !bootstrap(&config.bootstrap, &mut findings).await {
        return (findings, None);
    }
    let scanner = Scanner::new(config, memory_bytes);
    let brokers = match scanner.brokers().await {
        Ok(brokers) => brokers,
        Err(e) => {
            let (what, advice) = told(&e, config);
            findings.bad("login", what).advice(advice);
            return (findings, None);
        }
    };
    let id = scanner.id().await.ok().flatten();
    let id = id.map_or_else(String::new, |id| format!(" {id}"));
    let protocol = config.properties.get("security.protocol");
    let protocol = protocol.map_or("PLAINTEXT", String::as_str);
    findings.good("login", format!("cluster{id} answers, by {protocol}"));
    let mut answering = 0;
    for broker in &brokers {
        answering += usize::from(is_answering(broker, &scanner, topic, &mut findings).await);
    }
    if answering == brokers.len() {
        let names = brokers.iter().map(address).collect::<Vec<_>>();
        let all = match answering {
            1 => "the only one answers".to_owned(),
            more => format!("all {more} answer"),
        };
        findings.good("brokers", format!("{all}: {}", names.join(", ")));
    }
    (findings, Some(scanner))
}

/// Looks at the addresses that are configured. Can one of them be reached?
async fn bootstrap(list: &str, findings: &mut Findings) -> bool {
    let mut unreached = Vec::new();
    let mut reached = 0;
    for entry in list.split(',').map(str::trim).filter(|of| !of.is_empty()) {
        let (host, port) = host_and_port(entry);
        match reach(&host, port).await {
            Ok(addresses) => {
                reached += 1;
                findings.good("address", format!("{entry} is {addresses}, and is open"));
            }
            Err(e) => unreached.push((entry, host, e)),
        }
    }
    // One is enough to find the others.
    let outcome = match reached {
        0 => Outcome::Bad,
        _ => Outcome::Doubtful,
    };
    for (entry, host, why) in unreached {
        say_unreached(findings, outcome, entry, &host, &why);
    }
    reached > 0
}

fn say_unreached(
    findings: &mut Findings,
    outcome: Outcome,
    address: &str,
    host: &str,
    why: &Unreached,
) {
    match why {
        Unreached::Name(e) => findings
            .add("address", outcome, format!("{address}: no such name: {e}"))
            .advice("see that the name is right, and that this machine resolves it:")
            .command(format!("getent hosts {}", super::finding::word(host))),
        Unreached::Port(e) => {
            let advice = match e.kind() {
                io::ErrorKind::ConnectionRefused => {
                    "see that the broker runs there, and that this is its port"
                }
                _ => "see that no firewall is between, and that the broker listens for other hosts",
            };
            findings
                .add("address", outcome, format!("{address}: {e}"))
                .advice(advice);
        }
    }
}

/// Does a broker answer, where the cluster says that it is?
async fn is_answering(
    broker: &Broker,
    scanner: &Scanner,
    topic: &str,
    findings: &mut Findings,
) -> bool {
    const ADVERTISED: &str = "the cluster sends its clients there (advertised.listeners of that broker): it must be an address \
                              that is reached from this machine";
    let at = format!("broker {} at {}", broker.id, address(broker));
    match reach(&broker.host, broker.port).await {
        Err(Unreached::Name(e)) => {
            let text = format!("{at}: no such name: {e}");
            findings.bad("brokers", text).advice(ADVERTISED);
            return false;
        }
        Err(Unreached::Port(e)) => {
            let text = format!("{at}: {e}");
            findings.bad("brokers", text).advice(ADVERTISED);
            return false;
        }
        Ok(_) => {}
    }
    match scanner.greet(broker.id, topic.to_owned()).await {
        Ok(()) => true,
        Err(e) => {
            let text = format!("{at} lets nobody in, or doesn't answer: {e}");
            let advice = "see its log, and that its listener is like those of the other brokers";
            findings.bad("brokers", text).advice(advice);
            false
        }
    }
}

fn address(broker: &Broker) -> String {
    match broker.host.contains(':') {
        true => format!("[{}]:{}", broker.host, broker.port),
        false => format!("{}:{}", broker.host, broker.port),
    }
}

/// Of an address as librdkafka takes it: perhaps with a protocol before, perhaps without a port.
fn host_and_port(entry: &str) -> (String, u16) {
    let bare = entry.split_once("://").map_or(entry, |(_, bare)| bare);
    let is_v6_alone = bare.matches(':').count() > 1 && !bare.starts_with('[');
    let split = bare.rsplit_once(':').filter(|_| !is_v6_alone);
    let parsed = split.and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let (host, port) = parsed.unwrap_or((bare, USUAL_PORT));
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (host.to_owned(), port)
}

/// The addresses of a host, one of which takes connections at this port.
async fn reach(host: &str, port: u16) -> Result<String, Unreached> {
    let host = host.to_owned();
    let reached = tokio::task::spawn_blocking(move || {
        let found = (host.as_str(), port).to_socket_addrs();
        let found = found.map_err(Unreached::Name)?.collect::<Vec<_>>();
        let mut failed = None;
        for address in &found {
            match TcpStream::connect_timeout(address, CONNECTING) {
                Ok(_) => {
                    let mut ips = found.iter().map(|at| at.ip().to_string());
                    let ips = ips.by_ref().collect::<Vec<_>>();
                    return Ok(ips.join(", "));
                }
                Err(e) => failed = Some(e),
            }
        }
        let none = || io::Error::new(io::ErrorKind::NotFound, "it has no address");
        Err(failed.map_or_else(|| Unreached::Name(none()), Unreached::Port))
    });
    reached
        .await
        .unwrap_or_else(|e| Err(Unreached::Port(io::Error::other(e))))
}

/// What is wrong when the port is open and nobody is let in, and what can be done.
fn told(error: &KafkaError, config: &Cluster) -> (String, String) {
    let said = error.to_string();
    match said.rsplit_once("; ") {
        // It names the remedy itself.
        Some((what, remedy)) if error.kind == Trouble::NotLetIn => (what.into(), remedy.into()),
        _ => {
            let advice = advice_for(error, config);
            (said, advice)
        }
    }
}

fn advice_for(error: &KafkaError, config: &Cluster) -> String {
    let said = error.text.to_lowercase();
    let protocol = config.properties.get("security.protocol");
    let protocol = protocol.map_or("PLAINTEXT, as nothing is configured", String::as_str);
    if said.contains("ssl") || said.contains("certificate") {
        return format!(
            "see security.protocol (it is {protocol}), ssl.ca.location and the certificates: either what listens there doesn't \
             speak TLS, or one side doesn't trust the other"
        );
    }
    format!(
        "the port is open, but no Kafka answers by this protocol: see security.protocol (it is {protocol}), and that it is \
         the right port"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_as_the_client_takes_them() {
        for (entry, host, port) in [
            ("localhost:9093", "localhost", 9093),
            ("SASL_SSL://kafka.example:1", "kafka.example", 1),
            ("kafka", "kafka", 9092),
            ("[::1]:9094", "::1", 9094),
            ("::1", "::1", 9092),
        ] {
            assert_eq!(host_and_port(entry), (host.to_owned(), port), "{entry}");
        }
    }
}
