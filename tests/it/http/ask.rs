//! Asking over HTTP, byte for byte.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Answer {
    /// A header's value; empty if it isn't there.
    pub fn header(&self, name: &str) -> String {
        let headers = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut named = headers.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        named
            .next()
            .map_or_else(String::new, |(_, value)| value.to_owned())
    }
}

/// Sends these bytes, ends its side, and reads until the end; nothing if that isn't an answer.
pub fn ask(address: &str, request: &[u8]) -> Option<Answer> {
    let mut stream = send(address, request)?;
    let _ = stream.shutdown(Shutdown::Write);
    answer(&mut stream)
}

/// Sends these bytes.
pub fn send(address: &str, request: &[u8]) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // Whoever refuses may have gone before all of it is sent.
    let _ = stream.write_all(request);
    Some(stream)
}

/// Reads until the end; nothing if that isn't an answer.
pub fn answer(stream: &mut TcpStream) -> Option<Answer> {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    })
}

/// Asks as a client would, with these headers besides those that are needed.
#[track_caller]
pub fn ask_as(address: &str, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    let sent = send(address, (request + "\r\n").as_bytes());
    let answer = sent.and_then(|mut stream| answer(&mut stream));
    answer.unwrap_or_else(|| panic!("{method} {path}: no answer"))
}

#[track_caller]
pub fn get(address: &str, path: &str) -> Answer {
    ask_as(address, "GET", path, &[])
}
