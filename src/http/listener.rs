//! Where connections come from: a port or a Unix socket.

use std::fs::{self, Permissions};
use std::io;
use std::net::TcpListener as StdTcpListener;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener as StdUnixListener, UnixStream as StdUnixStream};
use std::path::{Path, PathBuf};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

use crate::config::{Http, Listen};

/// The user and the group may ask.
const SOCKET_MODE: u32 = 0o660;

/// Why requests can't be answered.
#[derive(Debug, thiserror::Error)]
#[error("listening on {listen} ({said_by}): {why}")]
pub struct BindError {
    listen: Listen,
    /// What says the address.
    said_by: &'static str,
    why: Why,
}

#[derive(Debug, thiserror::Error)]
enum Why {
    #[error("the port is taken; stop what has it, or name another port")]
    PortTaken,
    #[error("another process answers there; stop it, or name another path")]
    SocketTaken,
    #[error("something else is there that is no socket; move it away, or name another path")]
    NoSocket,
    #[error("its directory doesn't exist; create it, or name another path")]
    NoDirectory,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// An address that is this process's.
pub struct Bound {
    pub(super) http: Http,
    pub(super) listening: Listening,
}

/// What listens; not yet within a runtime.
pub(super) enum Listening {
    Tcp(StdTcpListener),
    Unix(StdUnixListener, OwnSocket),
}

/// A socket's file, which is removed at the end unless it is another one by then.
pub(super) struct OwnSocket {
    path: PathBuf,
    id: (u64, u64),
}

impl Bound {
    /// Takes the address, which this key or flag says. A socket that nobody answers any more is replaced.
    ///
    /// # Errors
    ///
    /// If somebody else has it, or the system doesn't give it.
    pub fn bind(http: &Http, said_by: &'static str) -> Result<Self, BindError> {
        let listening = match &http.listen {
            Listen::Tcp(address) => tcp(*address),
            Listen::Unix(path) => unix(path),
        };
        let mut http = http.clone();
        match listening {
            Ok((listening, listen)) => {
                http.listen = listen;
                Ok(Self { http, listening })
            }
            Err(why) => Err(BindError {
                listen: http.listen,
                said_by,
                why,
            }),
        }
    }

    /// The address; of any port that was free, which one it is.
    pub fn listen(&self) -> &Listen {
        &self.http.listen
    }
}

fn tcp(address: std::net::SocketAddr) -> Result<(Listening, Listen), Why> {
    let listener = StdTcpListener::bind(address).map_err(|e| match e.kind() {
        io::ErrorKind::AddrInUse => Why::PortTaken,
        _ => e.into(),
    })?;
    listener.set_nonblocking(true)?;
    let listen = Listen::Tcp(listener.local_addr()?);
    Ok((Listening::Tcp(listener), listen))
}

fn unix(path: &Path) -> Result<(Listening, Listen), Why> {
    let bind = || StdUnixListener::bind(path);
    let bound = bind().or_else(|e| match e.kind() {
        io::ErrorKind::AddrInUse => {
            remove_stale(path)?;
            Ok(bind()?)
        }
        io::ErrorKind::NotFound => Err(Why::NoDirectory),
        _ => Err(e.into()),
    });
    let listener = bound?;
    listener.set_nonblocking(true)?;
    fs::set_permissions(path, Permissions::from_mode(SOCKET_MODE))?;
    let id = id(path)?;
    let path = path.to_owned();
    let socket = OwnSocket {
        path: path.clone(),
        id,
    };
    Ok((Listening::Unix(listener, socket), Listen::Unix(path)))
}

/// Removes what a process has left behind that is no more.
fn remove_stale(path: &Path) -> Result<(), Why> {
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return Err(Why::NoSocket);
    }
    match StdUnixStream::connect(path) {
        Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => Ok(fs::remove_file(path)?),
        _ => Err(Why::SocketTaken),
    }
}

fn id(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

impl OwnSocket {
    /// Removes the file. Nothing can be done where that fails: the next start replaces it.
    pub fn remove(&self) {
        if id(&self.path).is_ok_and(|id| id == self.id) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// What listens, within a runtime.
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Bytes in both directions.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Listener {
    /// The next connection.
    pub async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // An answer is written as a whole.
                let _ = stream.set_nodelay(true);
                Box::new(stream)
            }
            Self::Unix(listener) => Box::new(listener.accept().await?.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(listen: Listen) -> Http {
        Http {
            listen,
            token: None,
        }
    }

    fn refusal(http: &Http) -> String {
        match Bound::bind(http, "listen") {
            Ok(_) => "bound".into(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_port_that_is_taken_is_refused() {
        let any = Listen::Tcp("127.0.0.1:0".parse().expect("an address"));
        let bound = Bound::bind(&http(any), "listen").expect("a port");
        let said = refusal(&bound.http);
        assert!(said.contains("the port is taken"), "{said}");
    }

    #[test]
    fn a_stale_socket_is_replaced_and_nothing_else_is() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("s");
        let http = http(Listen::Unix(path.clone()));
        let first = Bound::bind(&http, "listen").expect("a socket");
        assert!(refusal(&http).contains("another process answers there"));
        drop(first);
        assert!(path.exists());
        let second = Bound::bind(&http, "listen").expect("a socket in place of the stale one");
        let Listening::Unix(_, socket) = &second.listening else {
            panic!("no socket");
        };
        socket.remove();
        assert!(!path.exists());
        fs::write(&path, "mine").expect("a file");
        assert!(refusal(&http).contains("no socket"));
        assert_eq!(fs::read_to_string(&path).expect("a file"), "mine");
        let nowhere = self::http(Listen::Unix(directory.path().join("no/s")));
        assert!(refusal(&nowhere).contains("its directory doesn't exist"));
    }
}
