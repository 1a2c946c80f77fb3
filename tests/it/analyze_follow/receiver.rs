//! Somebody who takes alerts by HTTP, and refuses some.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

/// What was taken: bodies by their ids, and how often each came.
#[derive(Default)]
pub struct Taken {
    pub alerts: BTreeMap<String, (Value, u64)>,
    /// The ids in the order in which they came first.
    pub order: Vec<String>,
    pub refused: u64,
    requests: u64,
}

/// The other side of a webhook.
pub struct Receiver {
    pub address: String,
    pub taken: Arc<Mutex<Taken>>,
}

impl Receiver {
    /// One that answers each seventh request with 503.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let taken = Arc::<Mutex<Taken>>::default();
        let shared = Arc::clone(&taken);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // The other side may be killed at any time.
                let _ = answer(stream, &shared);
            }
        });
        Self { address, taken }
    }
}

fn answer(stream: TcpStream, taken: &Mutex<Taken>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut head = BTreeMap::new();
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        head.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = head.get("content-length")?.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    assert_eq!(first, "POST /hook?x=1 HTTP/1.1\r\n");
    assert_eq!(head["content-type"], "application/json");
    assert_eq!(head["authorization"], "Bearer secret-of-the-test");
    let id = head["idempotency-key"].clone();
    let body = serde_json::from_slice::<Value>(&body).expect("JSON");
    assert_eq!(body["id"], id);
    let status = {
        let mut taken = taken.lock().unwrap();
        taken.requests += 1;
        if taken.requests % 7 == 3 {
            taken.refused += 1;
            "503 Service Unavailable"
        } else {
            if !taken.alerts.contains_key(&id) {
                taken.order.push(id.clone());
            }
            let (known, count) = taken.alerts.entry(id).or_insert((body.clone(), 0));
            assert_eq!(*known, body);
            *count += 1;
            "204 No Content"
        }
    };
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    reader.get_mut().write_all(answer.as_bytes()).ok()
}
