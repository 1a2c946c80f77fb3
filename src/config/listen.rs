//! Addresses to listen on: a port, or a Unix socket.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use serde_json::{Value as Json, json};

use super::key_kind::Kind;
use super::problem::Problem;
use super::walk::{Toml, Walker};

/// The longest path that the system has for a socket.
const SOCKET_BYTES_MAX: usize = 107;

/// What can be written.
pub(super) const LISTEN_HELP: &str = "write an address and a port such as \"127.0.0.1:9464\", or the path of a socket, with a / in it";

/// An address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// An address and a port; port 0 is any that is free.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl Listen {
    /// Can nobody but this machine reach it?
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}/"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Addresses to listen on.
pub(super) struct Listens;

impl Kind for Listens {
    type Value = Listen;

    fn read(&self, walker: &mut Walker<'_>, _: &str, value: &Toml<'_>) -> Option<Listen> {
        let text = walker.text(value, "a string")?;
        let read = parse(&text.value);
        if read.is_none() {
            let message = format!("{} is nothing to listen on", text.quoted());
            walker.report(Problem::at(&text.span, message).help(LISTEN_HELP));
        }
        read
    }

    fn limits(&self) -> String {
        "`\"ADDRESS:PORT\"`, or a path with a `/` in it".to_owned()
    }

    fn schema(&self) -> Json {
        json!({ "type": "string", "minLength": 1 })
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse(text).ok_or_else(|| LISTEN_HELP.to_owned())
    }
}

fn parse(text: &str) -> Option<Listen> {
    if text.contains('/') {
        let fits = text.len() <= SOCKET_BYTES_MAX && !text.contains('\0') && !text.ends_with('/');
        return fits.then(|| Listen::Unix(text.into()));
    }
    if let Some(port) = text.strip_prefix("localhost:") {
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        return Some(Listen::Tcp(SocketAddr::new(here, port.parse().ok()?)));
    }
    text.parse().ok().map(Listen::Tcp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_or_a_path_is_listened_on() {
        let local = |text| parse(text).map(|listen| listen.is_local());
        assert_eq!(local("127.0.0.1:9464"), Some(true));
        assert_eq!(local("localhost:9464"), Some(true));
        assert_eq!(local("[::1]:9464"), Some(true));
        assert_eq!(local("0.0.0.0:9464"), Some(false));
        assert_eq!(local("/run/archiver/http.sock"), Some(true));
        for wrong in [
            "",
            "9464",
            "example.com:80",
            "127.0.0.1",
            "127.0.0.1:99999",
            "/run/",
        ] {
            assert_eq!(local(wrong), None, "{wrong}");
        }
        assert_eq!(local(&format!("/{}", "a".repeat(107))), None);
    }
}
