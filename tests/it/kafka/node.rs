//! One Kafka process: broker and controller in one JVM.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::certificates::Certificates;
use super::janitor::Janitor;
use super::java::java;
use super::properties::{Layout, Ports, properties};
use super::secured::{self, Listener};
use crate::wait::{LONG, eventually};

pub struct Node {
    /// From 1, as Kafka knows it.
    id: usize,
    ports: Ports,
    directory: TempDir,
    java: Mutex<Option<Child>>,
    certificates: Option<Certificates>,
}

impl Node {
    /// Prepares the node of this id for its first start.
    pub fn format(
        id: usize,
        nodes: &[Ports],
        cluster: &str,
        is_secured: bool,
        proxy: Option<u16>,
    ) -> Result<Node, String> {
        let directory = tempfile::Builder::new()
            .prefix("kafka-")
            .tempdir_in(Janitor::get().root())
            .map_err(|e| format!("a directory for Kafka: {e}"))?;
        let certificates = directory.path().join("certificates");
        let certificates = is_secured
            .then(|| Certificates::make(certificates))
            .transpose()?;
        let text = properties(&Layout {
            id,
            nodes,
            data: &directory.path().join("data"),
            secured: certificates.as_ref(),
            proxy,
        });
        fs::write(directory.path().join("server.properties"), text).map_err(|e| e.to_string())?;
        let mut format = java(&["-Xmx128m"])?;
        format.args(["kafka.tools.StorageTool", "format", "-t", cluster]);
        format
            .args(["-c", "server.properties"])
            .current_dir(directory.path());
        if is_secured {
            for credential in secured::scram_users() {
                format.args(["--add-scram", &credential]);
            }
        }
        let output = format.output().map_err(|e| {
            format!("java, which runs Kafka for the tests (Debian's default-jdk-headless): {e}")
        })?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("formatting: {said}"));
        }
        Ok(Node {
            id,
            ports: nodes[id - 1],
            directory,
            java: Mutex::default(),
            certificates,
        })
    }

    pub fn ports(&self) -> Ports {
        self.ports
    }

    /// Where anybody may do anything.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.plain)
    }

    /// Where a secured node's users connect.
    pub fn secured(&self, listener: Listener) -> String {
        format!("127.0.0.1:{}", self.ports.secured[listener as usize])
    }

    /// What a secured node's TLS is made of.
    pub fn certificates(&self) -> &Certificates {
        self.certificates.as_ref().expect("a secured server")
    }

    /// Where a topic's partition lies on the disk.
    pub fn log(&self, topic: &str, partition: i32) -> PathBuf {
        self.path().join(format!("data/{topic}-{partition}"))
    }

    pub fn pid(&self) -> Option<u32> {
        self.java.lock().unwrap().as_ref().map(Child::id)
    }

    pub fn kill(&self) {
        self.signal(Signal::KILL);
        self.await_end();
    }

    /// It neither answers nor hangs up until [`Node::resume`].
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Starts it again, on the same ports with the same data, and waits until it is one of its cluster.
    pub fn restart(&self) {
        self.start()
            .and_then(|()| self.await_up())
            .expect("it starts again");
    }

    /// Sets one of its properties, from its next start on.
    pub fn set(&self, property: &str, value: &str) {
        let path = self.path().join("server.properties");
        let mut file = File::options().append(true).open(path).unwrap();
        writeln!(file, "{property}={value}").unwrap();
    }

    /// Starts java.
    pub fn start(&self) -> Result<(), String> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.path().join("server.log"))
            .map_err(|e| e.to_string())?;
        let mut command = java(&["-Xmx256m"])?;
        command
            .args(["kafka.Kafka", "server.properties"])
            .current_dir(self.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(|e| e.to_string())?)
            .stderr(log);
        let child = Janitor::get()
            .spawn(&mut command)
            .map_err(|e| e.to_string())?;
        *self.java.lock().unwrap() = Some(child);
        Ok(())
    }

    /// Waits until this node knows that another one is away.
    pub fn await_absence(&self, other: &Node) {
        let client = self.client().unwrap();
        eventually(LONG, "a node is known to be away", || {
            let metadata = client.fetch_metadata(None, Duration::from_secs(5));
            metadata.is_ok_and(|m| m.brokers().iter().all(|b| b.id() != other.id as i32))
        });
    }

    fn client(&self) -> Result<BaseConsumer, String> {
        ClientConfig::new()
            .set("bootstrap.servers", self.address())
            .set("reconnect.backoff.max.ms", "500")
            .create()
            .map_err(|e| e.to_string())
    }

    /// Waits until it answers and says of itself that it serves.
    pub fn await_up(&self) -> Result<(), String> {
        let client = self.client()?;
        let start = Instant::now();
        let problem = loop {
            let metadata = client.fetch_metadata(None, Duration::from_millis(500));
            let serves = |m: &rdkafka::metadata::Metadata| {
                m.brokers().iter().any(|b| b.id() == self.id as i32)
            };
            if metadata.is_ok_and(|m| serves(&m)) {
                return Ok(());
            }
            let mut java = self.java.lock().unwrap();
            if let Some(Ok(Some(status))) = java.as_mut().map(Child::try_wait) {
                break format!("Kafka ended at its start: {status}");
            }
            if start.elapsed() > LONG {
                break format!("Kafka does not answer after {LONG:?}");
            }
        };
        let log = fs::read(self.path().join("server.log")).unwrap_or_default();
        let tail = &log[log.len().saturating_sub(4000)..];
        Err(format!("{problem}\n{}", String::from_utf8_lossy(tail)))
    }

    pub fn signal(&self, signal: Signal) {
        let mut java = self.java.lock().unwrap();
        if let Some(child) = &mut *java
            && let Ok(None) = child.try_wait()
        {
            kill_process(Pid::from_child(child), signal).unwrap();
        }
    }

    pub fn await_end(&self) {
        if let Some(mut child) = self.java.lock().unwrap().take() {
            child.wait().expect("Kafka's end");
            Janitor::get().forget(&child);
        }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}
