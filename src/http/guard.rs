//! Which requests are refused, whatever they ask for.

use std::net::IpAddr;

use hyper::body::Body;
use hyper::header::{AUTHORIZATION, HOST, HeaderMap};
use hyper::{Method, Request, StatusCode};

use crate::config::{Http, Listen, Token};

/// Longer paths are nobody's.
const PATH_BYTES_MOST: usize = 1024;

/// What a request may not do, and by whom.
pub struct Guard {
    http: Http,
    /// This machine's name.
    machine: String,
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The answer's status.
    pub status: StatusCode,
    /// What nobody may do, or what is missing.
    pub why: String,
}

fn refused(status: StatusCode, why: impl Into<String>) -> Refusal {
    let why = why.into();
    Refusal { status, why }
}

impl Guard {
    /// Of a server that listens there and asks for this token, if it has one.
    pub fn new(http: Http) -> Self {
        let machine = rustix::system::uname();
        let machine = machine.nodename().to_string_lossy().to_lowercase();
        Self { http, machine }
    }

    /// Refuses what can't be answered for anybody: only reading, without a body, and under a name of this machine.
    ///
    /// # Errors
    ///
    /// Why it is refused.
    pub fn check(&self, request: &Request<impl Body>) -> Result<(), Refusal> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let why = "only GET and HEAD: no request changes anything";
            return Err(refused(StatusCode::METHOD_NOT_ALLOWED, why));
        }
        if !request.body().is_end_stream() {
            let why = "no request has a body here";
            return Err(refused(StatusCode::PAYLOAD_TOO_LARGE, why));
        }
        if request.uri().path().len() > PATH_BYTES_MOST {
            return Err(refused(StatusCode::URI_TOO_LONG, "the path is too long"));
        }
        self.check_host(request)
    }

    /// A page of somebody else's can give its own name this machine's address, and then read what is here as its own: the
    /// browser tells by `Host` for whom it asks. With a token such a page gets nothing, as it hasn't got that.
    fn check_host(&self, request: &Request<impl Body>) -> Result<(), Refusal> {
        let Listen::Tcp(_) = self.http.listen else {
            return Ok(());
        };
        let mut hosts = request.headers().get_all(HOST).iter();
        let (host, more) = (hosts.next(), hosts.next());
        let host = host.and_then(|host| host.to_str().ok());
        let (Some(host), None) = (host, more) else {
            let why = "a request needs one Host header";
            return Err(refused(StatusCode::BAD_REQUEST, why));
        };
        let name = name_of(host).to_lowercase();
        if self.http.token.is_some() || self.is_own(&name) {
            return Ok(());
        }
        let why = "not asked for by an address, localhost or this machine's name: a page of another site may be behind \
                   it; a proxy sends a Host header of its own";
        Err(refused(StatusCode::MISDIRECTED_REQUEST, why))
    }

    /// Is it a name or an address that only this machine can have? A name needs the machine's own address to be anybody
    /// else's, an address can't be.
    fn is_own(&self, name: &str) -> bool {
        let address = name.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = address.parse::<IpAddr>() {
            return !self.http.listen.is_local() || address.is_loopback();
        }
        name == "localhost" || (!self.machine.is_empty() && name == self.machine)
    }

    /// Refuses who doesn't bring the token, if there is one.
    ///
    /// # Errors
    ///
    /// Why it is refused.
    pub fn check_token(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(token) = &self.http.token else {
            return Ok(());
        };
        let mut brought = headers.get_all(AUTHORIZATION).iter();
        let is_it = match (brought.next(), brought.next()) {
            (Some(brought), None) => brings(brought.as_bytes(), token),
            _ => false,
        };
        match is_it {
            true => Ok(()),
            false => Err(refused(
                StatusCode::UNAUTHORIZED,
                "this needs the token of the server's token file: `Authorization: Bearer TOKEN`, or TOKEN as the password of \
                 any user",
            )),
        }
    }
}

/// A host without its port.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Is this header the token, as a bearer or as a password?
fn brings(header: &[u8], token: &Token) -> bool {
    let Some(space) = header.iter().position(|byte| *byte == b' ') else {
        return false;
    };
    let (scheme, rest) = header.split_at(space);
    let rest = rest.trim_ascii();
    if scheme.eq_ignore_ascii_case(b"bearer") {
        return is_same(rest, token.expose().as_bytes());
    }
    let user_and_password = scheme
        .eq_ignore_ascii_case(b"basic")
        .then(|| base64(rest))
        .flatten();
    user_and_password.is_some_and(|bytes| {
        let colon = bytes.iter().position(|byte| *byte == b':');
        colon.is_some_and(|at| is_same(&bytes[at + 1..], token.expose().as_bytes()))
    })
}

/// Are they the same? How long that takes tells nothing of where they differ.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    let differs = |differs, (a, b): (&u8, &u8)| differs | (a ^ b);
    one.len() == other.len() && one.iter().zip(other).fold(0, differs) == 0
}

/// What this Base64 stands for.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let digits = text.strip_suffix(b"==").or(text.strip_suffix(b"="));
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0_u32);
    for byte in digits.unwrap_or(text) {
        held = (held << 6) | u32::from(digit(*byte)?);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "a-secret-of-some-length";

    fn guard(listen: &str, token: Option<&str>) -> Guard {
        let listen = match listen.contains('/') {
            true => Listen::Unix(listen.into()),
            false => Listen::Tcp(listen.parse().expect("an address")),
        };
        let token = token.map(Token::for_test);
        let mut guard = Guard::new(Http { listen, token });
        guard.machine = "archive-1".into();
        guard
    }

    fn asked(guard: &Guard, host: &str) -> Option<u16> {
        let request = Request::get("/").header(HOST, host).body(String::new());
        let refusal = guard.check(&request.expect("a request"));
        refusal.err().map(|refusal| refusal.status.as_u16())
    }

    #[test]
    fn a_page_of_another_site_that_has_this_address_is_refused_by_its_name() {
        let local = guard("127.0.0.1:9464", None);
        for own in [
            "127.0.0.1:9464",
            "127.0.0.1",
            "localhost:9464",
            "LOCALHOST",
            "[::1]:80",
            "archive-1:9464",
        ] {
            assert_eq!(asked(&local, own), None, "{own}");
        }
        for strange in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:9464",
            "10.0.0.5",
            "",
            "a b",
        ] {
            assert_eq!(asked(&local, strange), Some(421), "{strange}");
        }
        let open = guard("0.0.0.0:9464", None);
        assert_eq!(asked(&open, "10.0.0.5:9464"), None);
        assert_eq!(asked(&open, "evil.example"), Some(421));
        assert_eq!(asked(&guard("0.0.0.0:1", Some(TOKEN)), "any.example"), None);
        assert_eq!(asked(&guard("/run/s", None), "any.example"), None);
    }

    #[test]
    fn only_reading_requests_without_a_body_are_answered() {
        let guard = guard("/run/s", None);
        let status = |method: &str, body: &str| {
            let request = Request::builder().method(method).body(body.to_owned());
            let refusal = guard.check(&request.expect("a request")).err();
            refusal.map(|refusal| refusal.status.as_u16())
        };
        assert_eq!(status("GET", ""), None);
        assert_eq!(status("HEAD", ""), None);
        assert_eq!(status("GET", "x"), Some(413));
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "BREW"] {
            assert_eq!(status(method, ""), Some(405), "{method}");
        }
    }

    #[test]
    fn the_token_comes_as_a_bearer_or_as_a_password() {
        let guard = guard("127.0.0.1:1", Some(TOKEN));
        let comes = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, value.parse().expect("a header"));
            }
            guard.check_token(&headers).is_ok()
        };
        assert!(comes(&["Bearer a-secret-of-some-length"]));
        assert!(comes(&["bearer  a-secret-of-some-length"]));
        // me:a-secret-of-some-length
        assert!(comes(&["Basic bWU6YS1zZWNyZXQtb2Ytc29tZS1sZW5ndGg="]));
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer a-secret-of-some-lengtH",
            "a-secret-of-some-length",
            "Basic !!!!",
            "Basic bWU=",
        ] {
            assert!(!comes(&[wrong]), "{wrong}");
        }
        assert!(!comes(&[]));
        assert!(!comes(&["Bearer a-secret-of-some-length", "Bearer x"]));
    }
}
