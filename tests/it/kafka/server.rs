//! Kafka of one node, shared by all tests or a test's own to stop, pause and restart; or of three.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::AdminClient;
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rustix::process::Signal;

use super::certificates::Certificates;
use super::java::run;
use super::node::Node;
use super::properties::Ports;
use super::secured::Listener;
use crate::proxy::{Fault, Proxy};
use crate::random::Random;

/// How long the server may take for what an administrator asks.
pub const ADMIN_WAIT: Duration = Duration::from_secs(60);

pub struct Server {
    nodes: Vec<Node>,
    /// One before each node, or none.
    proxies: Vec<Proxy>,
}

/// The server that all tests share, started when it is first asked for.
pub fn shared() -> &'static Server {
    static SHARED: OnceLock<Result<Server, String>> = OnceLock::new();
    SHARED
        .get_or_init(|| Server::create(1, false, false))
        .as_ref()
        .unwrap_or_else(|e| panic!("no Kafka to test with: {e}"))
}

/// The secured server that the tests of logins and rights share.
pub fn secured() -> &'static Server {
    static SECURED: OnceLock<Server> = OnceLock::new();
    SECURED.get_or_init(Server::secured)
}

/// A cluster of three nodes with a proxy before each: one for all tests, one test at a time.
pub fn cluster() -> MutexGuard<'static, Server> {
    static CLUSTER: OnceLock<Mutex<Server>> = OnceLock::new();
    let cluster = CLUSTER.get_or_init(|| {
        Mutex::new(Server::create(3, false, true).expect("a cluster of three nodes"))
    });
    let cluster = cluster.lock().unwrap_or_else(PoisonError::into_inner);
    // A test that failed may have left it in any state.
    cluster.fault(Fault::None);
    for node in &cluster.nodes {
        node.resume();
        if node.pid().is_none() {
            node.restart();
        }
    }
    cluster
}

impl Server {
    /// A server of the test's own.
    pub fn private() -> Server {
        Server::create(1, false, false).expect("a Kafka server")
    }

    /// A server of the test's own with a proxy before it.
    pub fn behind_a_proxy() -> Server {
        Server::create(1, false, true).expect("a Kafka server")
    }

    /// A server of the test's own that knows the users alice and bob, by the passwords alice-pw
    /// and bob-pw, who may do nothing yet. See [`Server::sasl`] and [`Server::grant`].
    pub fn secured() -> Server {
        Server::create(1, true, false).expect("a Kafka server")
    }

    /// Where anybody may do anything.
    pub fn bootstrap(&self) -> String {
        list(self.nodes.iter().map(Node::address))
    }

    /// The same through the proxies.
    pub fn proxied(&self) -> String {
        list(self.proxies.iter().map(Proxy::address))
    }

    /// Where a [secured](Server::secured) server's users connect without TLS.
    pub fn sasl(&self) -> String {
        self.at(Listener::Sasl)
    }

    /// Where its users connect otherwise.
    pub fn at(&self, listener: Listener) -> String {
        list(self.nodes.iter().map(|node| node.secured(listener)))
    }

    /// What its TLS is made of.
    pub fn certificates(&self) -> &Certificates {
        self.nodes[0].certificates()
    }

    /// The node of this id, from 1.
    pub fn node(&self, id: i32) -> &Node {
        &self.nodes[id as usize - 1]
    }

    /// How many copies of a partition there may be.
    pub fn replicas(&self) -> i32 {
        self.nodes.len() as i32
    }

    /// The proxy before the node of this id.
    pub fn proxy(&self, id: i32) -> &Proxy {
        &self.proxies[id as usize - 1]
    }

    /// All proxies do this to what passes through them.
    pub fn fault(&self, fault: Fault) {
        self.proxies.iter().for_each(|proxy| proxy.set(fault));
    }

    /// Lets a user do something with a topic, such as `READ` or `DESCRIBE`.
    pub fn grant(&self, user: &str, topic: &str, operations: &[&str]) {
        let (bootstrap, user) = (self.bootstrap(), format!("User:{user}"));
        run(
            "Grant.java",
            &[&[&bootstrap, user.as_str(), topic], operations].concat(),
        );
    }

    pub fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().expect("an admin client")
    }

    /// What every client of the tests begins with.
    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.bootstrap());
        config.set("reconnect.backoff.max.ms", "500");
        config
    }

    pub fn pid(&self) -> Option<u32> {
        self.nodes[0].pid()
    }

    /// The topics that there are. Asking creates none.
    pub fn topics(&self) -> Vec<String> {
        let client: BaseConsumer = self.client().create().expect("a client");
        let found = client.fetch_metadata(None, ADMIN_WAIT);
        let found = found.expect("the topics");
        let names = found.topics().iter().map(|topic| topic.name().to_owned());
        names.collect()
    }

    /// Stops the server in good order.
    pub fn stop(&self) {
        self.end(Signal::TERM);
    }

    /// Kills the server.
    pub fn kill(&self) {
        self.end(Signal::KILL);
    }

    /// The server neither answers nor hangs up until [`Server::resume`].
    pub fn pause(&self) {
        self.nodes.iter().for_each(Node::pause);
    }

    pub fn resume(&self) {
        self.nodes.iter().for_each(Node::resume);
    }

    /// Starts the stopped server again, on the same ports with the same data.
    pub fn restart(&self) {
        self.start().expect("the server starts again");
    }

    /// Another cluster of one node on the same ports, which has nothing yet. This one must have been stopped.
    pub fn replaced(&self) -> Server {
        let ports = [self.nodes[0].ports()];
        let node = Node::format(1, &ports, &cluster_id(), false, None);
        let server = Server {
            nodes: vec![node.expect("another cluster")],
            proxies: Vec::new(),
        };
        server.restart();
        server
    }

    fn create(nodes: usize, secured: bool, is_proxied: bool) -> Result<Server, String> {
        let mut failure = String::new();
        // Somebody may take a port between its choice and its use.
        for _ in 0..3 {
            let ports: Vec<_> = (0..nodes).map(|_| Ports::free()).collect();
            let proxied = ports.iter().filter(|_| is_proxied);
            let proxies: Vec<_> = proxied.map(|ports| Proxy::to(ports.proxied)).collect();
            let cluster = cluster_id();
            let format = |id| {
                let proxy = proxies.get(id - 1).map(Proxy::port);
                Node::format(id, &ports, &cluster, secured, proxy)
            };
            let nodes = (1..=nodes).map(format).collect::<Result<_, _>>()?;
            let server = Server { nodes, proxies };
            match server.start() {
                Ok(()) => return Ok(server),
                Err(e) => failure = e,
            }
        }
        Err(failure)
    }

    fn start(&self) -> Result<(), String> {
        self.nodes.iter().try_for_each(Node::start)?;
        self.nodes.iter().try_for_each(Node::await_up)
    }

    fn end(&self, signal: Signal) {
        self.nodes.iter().for_each(|node| node.signal(signal));
        self.nodes.iter().for_each(Node::await_end);
    }
}

fn list(addresses: impl Iterator<Item = String>) -> String {
    addresses.collect::<Vec<_>>().join(",")
}

/// A number that no other process or call gets.
pub fn entropy() -> u64 {
    RandomState::new().hash_one(0)
}

/// 16 bytes as 22 characters of base64.
fn cluster_id() -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut random = Random::new(entropy());
    let mut id: String = (0..21)
        .map(|_| DIGITS[random.below(62) as usize] as char)
        .collect();
    id.push('A'); // the last character has only two of its six bits
    id
}
