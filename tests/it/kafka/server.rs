//! One Kafka server: shared by all tests, or a test's own to stop, pause and restart.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::process::{Child, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::AdminClient;
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::janitor::Janitor;
use super::java::{java, run};
use super::properties::{Ports, properties};
use crate::random::Random;
use crate::wait::LONG;

/// How long the server may take for what an administrator asks.
pub const ADMIN_WAIT: Duration = Duration::from_secs(60);

pub struct Server {
    ports: Ports,
    directory: TempDir,
    java: Mutex<Option<Child>>,
}

/// The server that all tests share, started when it is first asked for.
pub fn shared() -> &'static Server {
    static SHARED: OnceLock<Result<Server, String>> = OnceLock::new();
    SHARED
        .get_or_init(|| Server::create(false))
        .as_ref()
        .unwrap_or_else(|e| panic!("no Kafka to test with: {e}"))
}

impl Server {
    /// A server of the test's own.
    pub fn private() -> Server {
        Server::create(false).expect("a Kafka server")
    }

    /// A server of the test's own that knows the users alice and bob, by the passwords alice-pw
    /// and bob-pw, who may do nothing yet. See [`Server::sasl`] and [`Server::grant`].
    pub fn secured() -> Server {
        Server::create(true).expect("a Kafka server")
    }

    /// Where anybody may do anything.
    pub fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.ports.plain)
    }

    /// Where a [secured](Server::secured) server's users connect.
    pub fn sasl(&self) -> String {
        format!("127.0.0.1:{}", self.ports.sasl)
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
        self.java.lock().unwrap().as_ref().map(Child::id)
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
        self.signal(Signal::STOP);
    }

    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Starts the stopped server again, on the same ports with the same data.
    pub fn restart(&self) {
        self.start().expect("the server starts again");
    }

    fn create(secured: bool) -> Result<Server, String> {
        let mut failure = String::new();
        // Somebody may take a port between its choice and its use.
        for _ in 0..3 {
            let directory = tempfile::Builder::new()
                .prefix("kafka-")
                .tempdir_in(Janitor::get().root())
                .map_err(|e| format!("a directory for Kafka: {e}"))?;
            let server = Server {
                ports: Ports::free(),
                directory,
                java: Mutex::default(),
            };
            server.format(secured)?;
            match server.start() {
                Ok(()) => return Ok(server),
                Err(e) => failure = e,
            }
        }
        Err(failure)
    }

    fn format(&self, secured: bool) -> Result<(), String> {
        let directory = self.directory.path();
        let text = properties(self.ports, &directory.join("data"), secured);
        fs::write(directory.join("server.properties"), text).map_err(|e| e.to_string())?;
        let mut format = java(&["-Xmx128m"])?;
        format.args(["kafka.tools.StorageTool", "format", "-t", &cluster_id()]);
        format
            .args(["-c", "server.properties"])
            .current_dir(directory);
        if secured {
            for user in ["alice", "bob"] {
                let credential = format!("SCRAM-SHA-512=[name={user},password={user}-pw]");
                format.args(["--add-scram", &credential]);
            }
        }
        let output = format.output().map_err(|e| {
            format!("java, which runs Kafka for the tests (Debian's default-jdk-headless): {e}")
        })?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!(
            "formatting: {}",
            String::from_utf8_lossy(&output.stderr)
        ))
    }

    /// Starts java and waits until it answers.
    fn start(&self) -> Result<(), String> {
        let directory = self.directory.path();
        let log = File::options()
            .create(true)
            .append(true)
            .open(directory.join("server.log"))
            .map_err(|e| e.to_string())?;
        let mut command = java(&["-Xmx256m"])?;
        command
            .args(["kafka.Kafka", "server.properties"])
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(|e| e.to_string())?)
            .stderr(log);
        let child = Janitor::get()
            .spawn(&mut command)
            .map_err(|e| e.to_string())?;
        let mut java = self.java.lock().unwrap();
        let child = java.insert(child);
        let client: BaseConsumer = self.client().create().map_err(|e| e.to_string())?;
        let start = Instant::now();
        let problem = loop {
            let metadata = client.fetch_metadata(None, Duration::from_millis(500));
            if metadata.is_ok_and(|m| !m.brokers().is_empty()) {
                return Ok(());
            }
            if let Ok(Some(status)) = child.try_wait() {
                break format!("Kafka ended at its start: {status}");
            }
            if start.elapsed() > LONG {
                break format!("Kafka does not answer after {LONG:?}");
            }
        };
        let log = fs::read(directory.join("server.log")).unwrap_or_default();
        let tail = &log[log.len().saturating_sub(4000)..];
        Err(format!("{problem}\n{}", String::from_utf8_lossy(tail)))
    }

    fn signal(&self, signal: Signal) {
        let java = self.java.lock().unwrap();
        kill_process(Pid::from_child(java.as_ref().expect("it runs")), signal).unwrap();
    }

    fn end(&self, signal: Signal) {
        if let Some(mut child) = self.java.lock().unwrap().take() {
            if let Ok(None) = child.try_wait() {
                kill_process(Pid::from_child(&child), signal).unwrap();
            }
            child.wait().expect("Kafka's end");
            Janitor::get().forget(&child);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
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
