//! `[http]`: where requests are answered, and to whom.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::key_kind::Kind;
use super::keys::{ALLOW_REMOTE, HTTP, LISTEN, TOKEN_FILE};
use super::problem::{At, Problem, Text};
use super::read::read_regular;
use super::table::Table;
use super::walk::{Toml, Walker};

/// A shorter token could be guessed.
const TOKEN_BYTES_MIN: usize = 16;
/// And a longer one is none.
pub const TOKEN_BYTES_MOST: usize = 4096;
/// The longest path that the system has for a socket.
const SOCKET_BYTES_MAX: usize = 107;

const LISTEN_HELP: &str = "write an address and a port such as \"127.0.0.1:9464\", or the path of a socket, with a / in it";

/// Where requests are answered, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// The address.
    pub listen: Listen,
    /// What a request must bring along, if anything.
    pub token: Option<Token>,
}

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

/// A secret that requests bring along. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A token of a test.
    #[cfg(test)]
    pub(crate) fn for_test(text: &str) -> Self {
        Self(text.into())
    }

    /// What it is, for a request.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
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

/// What `[http]` says. Without `listen` nothing is answered.
pub(super) fn check(walker: &mut Walker<'_>, top: &Table) -> Option<Http> {
    let table = top.get(&HTTP)?;
    let typed = table.get(&TOKEN_FILE);
    let token = typed.and_then(|path| read_token(walker, path));
    let is_open = table.get(&ALLOW_REMOTE).copied().unwrap_or_default();
    let Some(At { value, span }) = table.at(&LISTEN) else {
        if let Some(path) = typed {
            let problem = Problem::at(&path.span, "`token_file` without `listen`");
            walker.report(problem.help(LISTEN_HELP));
        }
        return None;
    };
    if !value.is_local() && typed.is_none() && !is_open {
        let message = "others than this machine could ask here, and nothing would keep them out";
        let problem = Problem::at(&span, message);
        walker.report(problem.help(
            "listen on 127.0.0.1, or write `token_file = \"PATH\"` (a secret that requests must bring), or \
             `allow_remote = true` if anybody may see it",
        ));
    }
    Some(Http {
        listen: value.clone(),
        token,
    })
}

/// The secret in a file, without white space around it.
fn read_token(walker: &mut Walker<'_>, path: &Text) -> Option<Token> {
    let shown = path.quoted();
    let mut refuse = |why: String| {
        let problem = Problem::at(&path.span, format!("reading the token in {shown}: {why}"));
        walker.report(problem.help(
            "it is a file with a secret in it, at least 16 visible characters: `openssl rand -hex 32 > PATH`",
        ));
    };
    let bytes = match read_regular(Path::new(&path.value), 1 << 20) {
        Ok(bytes) => bytes,
        Err(error) => {
            refuse(error.to_string());
            return None;
        }
    };
    let text = std::str::from_utf8(&bytes).unwrap_or_default().trim();
    let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_visible || !(TOKEN_BYTES_MIN..=TOKEN_BYTES_MOST).contains(&text.len()) {
        refuse("it is no secret of 16 to 4096 visible ASCII characters".into());
        return None;
    }
    Some(Token(text.to_owned()))
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

    #[test]
    fn a_token_is_never_shown() {
        let http = Http {
            listen: Listen::Unix("/s".into()),
            token: Some(Token("a-secret-of-some-length".into())),
        };
        assert!(!format!("{http:?}").contains("secret"));
    }
}
