//! The other side: asks an archiver that runs.

use std::path::PathBuf;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, HOST};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, UnixStream};

use super::listener::Stream;
use crate::config::{Http, Listen, Token};

/// So much of an answer is read: 20,000 archives have less.
const ANSWER_BYTES_MOST: usize = 64 << 20;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whom to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    place: Place,
    /// What it is called in messages.
    name: String,
    token: Option<Token>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// `host:port`.
    Tcp(String),
    Unix(PathBuf),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// What was typed is no address.
    #[error("{0} is nothing to ask; write http://HOST:PORT, or the path of a socket")]
    NoAddress(String),
    /// Nobody answers.
    #[error(
        "asking {target}: {why}; is archiver running, with [http] listen in its configuration?"
    )]
    Silent {
        /// Who was asked.
        target: String,
        /// What went wrong.
        why: String,
    },
    /// It is another archiver.
    #[error(
        "asking {target}: it answers in version {version}, which this archiver doesn't know; use its own `archiver status`"
    )]
    OtherVersion {
        /// Who was asked.
        target: String,
        /// The version of its answer.
        version: u32,
    },
    /// Somebody answers with something else.
    #[error("asking {target}: it answers {status}: {said}")]
    Refused {
        /// Who was asked.
        target: String,
        /// The answer's status.
        status: StatusCode,
        /// Its first line.
        said: String,
    },
}

impl Target {
    /// The one that this configuration makes.
    pub fn of(http: &Http) -> Self {
        let place = match &http.listen {
            Listen::Unix(path) => Place::Unix(path.clone()),
            Listen::Tcp(address) => {
                let mut address = *address;
                // What listens on all addresses is asked at its own.
                if address.ip().is_unspecified() {
                    address.set_ip(match address.is_ipv4() {
                        true => std::net::Ipv4Addr::LOCALHOST.into(),
                        false => std::net::Ipv6Addr::LOCALHOST.into(),
                    });
                }
                Place::Tcp(address.to_string())
            }
        };
        Self {
            place,
            name: http.listen.to_string(),
            token: http.token.clone(),
        }
    }

    /// One that was typed: `http://HOST:PORT`, or the path of a socket.
    ///
    /// # Errors
    ///
    /// If it is neither.
    pub fn parse(typed: &str, token: Option<Token>) -> Result<Self, AskError> {
        let wrong = || AskError::NoAddress(typed.to_owned());
        let place = match typed.parse::<Uri>() {
            Ok(uri) if uri.scheme_str() == Some("http") => {
                let host = uri.host().ok_or_else(wrong)?;
                Place::Tcp(format!("{host}:{}", uri.port_u16().unwrap_or(80)))
            }
            _ if typed.contains('/') && !typed.contains("://") => Place::Unix(typed.into()),
            _ => return Err(wrong()),
        };
        Ok(Self {
            place,
            name: typed.to_owned(),
            token,
        })
    }

    /// What it is called in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Asks for a path.
    ///
    /// # Errors
    ///
    /// If nobody answers in time, or with anything but what was asked for.
    pub async fn get(&self, path: &str) -> Result<Bytes, AskError> {
        let asking = tokio::time::timeout(PATIENCE, self.ask(path));
        let silent = |why: String| AskError::Silent {
            target: self.name.clone(),
            why,
        };
        let answered = asking
            .await
            .map_err(|_| silent("no answer in 10 s".into()))?;
        let (status, body) = answered.map_err(silent)?;
        if status == StatusCode::OK {
            return Ok(body);
        }
        let said = String::from_utf8_lossy(&body);
        let said = said.lines().next().unwrap_or_default();
        Err(AskError::Refused {
            target: self.name.clone(),
            status,
            said: said.chars().filter(|c| !c.is_control()).take(300).collect(),
        })
    }

    async fn ask(&self, path: &str) -> Result<(StatusCode, Bytes), String> {
        let words = |error: std::io::Error| error.to_string();
        let (stream, host): (Box<dyn Stream>, &str) = match &self.place {
            Place::Tcp(address) => {
                let stream = TcpStream::connect(address).await.map_err(words)?;
                (Box::new(stream), address)
            }
            Place::Unix(path) => {
                let stream = UnixStream::connect(path).await.map_err(words)?;
                (Box::new(stream), "localhost")
            }
        };
        let said = |error: hyper::Error| error.to_string();
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(said)?;
        let connection = tokio::spawn(connection);
        let mut request = Request::get(path).header(HOST, host);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {}", token.expose()));
        }
        let request = request.body(Empty::<Bytes>::new());
        let request = request.map_err(|error| error.to_string())?;
        let answer = sender.send_request(request).await.map_err(said)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MOST).collect();
        let body = body.await.map_err(|error| error.to_string())?;
        connection.abort();
        Ok((status, body.to_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_or_a_socket_can_be_asked() {
        let place = |typed| Target::parse(typed, None).ok().map(|target| target.place);
        let tcp = |text: &str| Some(Place::Tcp(text.into()));
        assert_eq!(place("http://127.0.0.1:9464"), tcp("127.0.0.1:9464"));
        assert_eq!(place("http://archive.example/"), tcp("archive.example:80"));
        assert_eq!(place("http://[::1]:9464/"), tcp("[::1]:9464"));
        let socket = Some(Place::Unix("/run/s".into()));
        assert_eq!(place("/run/s"), socket);
        for wrong in ["", "https://a:1/", "localhost:9464", "socket"] {
            assert_eq!(place(wrong), None, "{wrong}");
        }
    }
}
