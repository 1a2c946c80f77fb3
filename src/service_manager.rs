//! The service manager that has started the process (systemd), and what it is told: datagrams to the socket that
//! `NOTIFY_SOCKET` names. Nobody waits for it, and a notice that it doesn't take is no trouble of anybody's.

use std::ffi::OsStr;
use std::fmt::Write;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

const SOCKET: &str = "NOTIFY_SOCKET";
const WATCHDOG: &str = "WATCHDOG_USEC";
const WATCHDOG_PROCESS: &str = "WATCHDOG_PID";

/// The environment variables by which a process finds its service manager. They are meant for it, not for its children.
pub const VARIABLES: [&str; 3] = [SOCKET, WATCHDOG, WATCHDOG_PROCESS];

/// The service manager. Clones are the same one.
#[derive(Debug, Clone)]
pub struct ServiceManager(Arc<Reached>);

#[derive(Debug)]
struct Reached {
    socket: UnixDatagram,
    address: SocketAddr,
    watchdog: Option<Duration>,
}

/// What the service manager is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice<'a> {
    /// The start is over, or a reload.
    Ready,
    /// A reload has begun; [`Self::Ready`] ends it.
    Reloading,
    /// The stop has begun.
    Stopping,
    /// What it is doing, for people: one line.
    Status(&'a str),
    /// It is alive: its watchdog waits anew.
    Alive,
    /// The start, reload or stop that is under way may take so much longer from now on.
    Extend(Duration),
}

impl ServiceManager {
    /// The one that has started this process, if one has that wants to be told. One that can't be reached is logged.
    pub fn found() -> Option<Self> {
        let name = std::env::var_os(SOCKET)?;
        let text = |name| std::env::var(name).ok();
        let watchdog = watchdog(text(WATCHDOG), text(WATCHDOG_PROCESS), std::process::id());
        match Self::at(&name, watchdog) {
            Ok(manager) => Some(manager),
            Err(e) => {
                let name = name.display();
                tracing::warn!("telling the service manager at {SOCKET}={name}: {e}");
                None
            }
        }
    }

    /// The one at a socket: a path, or the name of an abstract socket behind an `@`.
    ///
    /// # Errors
    ///
    /// It isn't one, or no socket can be had.
    pub fn at(name: &OsStr, watchdog: Option<Duration>) -> io::Result<Self> {
        let address = match name.as_bytes() {
            [b'/', ..] => SocketAddr::from_pathname(name)?,
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            _ => {
                let what = "neither a path nor an abstract socket";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
            }
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        Ok(Self(Arc::new(Reached {
            socket,
            address,
            watchdog,
        })))
    }

    /// How long its watchdog waits for [`Notice::Alive`], if it has one for this process.
    pub fn watchdog(&self) -> Option<Duration> {
        self.0.watchdog
    }

    /// Tells it this, all at once.
    ///
    /// # Errors
    ///
    /// It is gone, or doesn't take any more for the moment.
    pub fn tell(&self, notices: &[Notice<'_>]) -> io::Result<()> {
        let text = notices.iter().map(|notice| notice.text());
        let text = text.collect::<String>();
        let Reached {
            socket, address, ..
        } = &*self.0;
        socket.send_to_addr(text.as_bytes(), address).map(drop)
    }
}

impl Notice<'_> {
    /// As it stands in the datagram.
    fn text(self) -> String {
        match self {
            Self::Ready => "READY=1\n".into(),
            Self::Reloading => {
                let now = clock_gettime(ClockId::Monotonic);
                let now = Duration::try_from(now).unwrap_or_default();
                format!("RELOADING=1\nMONOTONIC_USEC={}\n", now.as_micros())
            }
            Self::Stopping => "STOPPING=1\n".into(),
            Self::Status(said) => {
                let mut text = String::from("STATUS=");
                text.extend(said.chars().map(|c| if c.is_control() { ' ' } else { c }));
                text.push('\n');
                text
            }
            Self::Alive => "WATCHDOG=1\n".into(),
            Self::Extend(by) => {
                let mut text = String::new();
                let _ = writeln!(text, "EXTEND_TIMEOUT_USEC={}", by.as_micros());
                text
            }
        }
    }
}

/// How long a watchdog waits, if these variables speak of one, and of this process.
fn watchdog(micros: Option<String>, of: Option<String>, process: u32) -> Option<Duration> {
    if of.is_some_and(|of| of != process.to_string()) {
        return None;
    }
    let micros = micros?.parse().ok().filter(|micros| *micros > 0)?;
    Some(Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_is_told_arrives_as_one_datagram_at_paths_and_abstract_names() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("notify");
        let by_path = UnixDatagram::bind(&path).expect("a socket");
        let name = format!("archiver-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a name");
        let by_name = UnixDatagram::bind_addr(&address).expect("a socket");
        for (socket, name) in [
            (by_path, path.into_os_string()),
            (by_name, format!("@{name}").into()),
        ] {
            let manager = ServiceManager::at(&name, None).expect("a socket");
            let status = Notice::Status("2 running\nREADY=0");
            let told = [Notice::Ready, status, Notice::Extend(SECOND), Notice::Alive];
            manager.tell(&told).expect("it is there");
            let mut bytes = [0; 200];
            let length = socket.recv(&mut bytes).expect("a datagram");
            assert_eq!(
                String::from_utf8_lossy(&bytes[..length]),
                "READY=1\nSTATUS=2 running READY=0\nEXTEND_TIMEOUT_USEC=1000000\nWATCHDOG=1\n"
            );
        }
    }

    #[test]
    fn a_manager_that_is_gone_or_does_not_listen_holds_nobody_up() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("notify");
        let manager = ServiceManager::at(path.as_os_str(), None).expect("a socket");
        assert!(manager.tell(&[Notice::Ready]).is_err());
        let _deaf = UnixDatagram::bind(&path).expect("a socket");
        let refused = (0..10_000).find_map(|_| manager.tell(&[Notice::Alive]).err());
        let refused = refused.expect("it takes no more");
        assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
        assert!(ServiceManager::at(OsStr::new("vsock:2:1"), None).is_err());
    }

    #[test]
    fn a_reload_says_when_it_has_begun() {
        let text = Notice::Reloading.text();
        let micros = text.strip_prefix("RELOADING=1\nMONOTONIC_USEC=");
        let micros = micros.and_then(|micros| micros.trim_end().parse::<u64>().ok());
        assert!(micros > Some(0), "{text}");
    }

    #[test]
    fn a_watchdog_of_another_process_is_none() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(watchdog(text("1000000"), text("7"), 7), Some(SECOND));
        assert_eq!(watchdog(text("1000000"), None, 7), Some(SECOND));
        assert_eq!(watchdog(text("1000000"), text("8"), 7), None);
        assert_eq!(watchdog(text("0"), None, 7), None);
        assert_eq!(watchdog(text("soon"), None, 7), None);
        assert_eq!(watchdog(None, None, 7), None);
    }
}
