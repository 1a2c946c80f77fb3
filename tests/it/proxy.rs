//! A bad network: what passes between archiver and a broker is cut, slowed down, garbled, or goes nowhere.

mod garble;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use garble::{Answers, Fetches, Requests};

/// What a proxy does to the connections through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// They are as good as without it.
    None,
    /// There are none, and none can be made.
    Down,
    /// Each ends when it has carried so many bytes to the client.
    CutAfter(usize),
    /// Everything arrives so much later, in both directions.
    Late(Duration),
    /// So many bytes a second reach the client on each.
    Trickle(usize),
    /// They stay, new ones too, but nothing passes.
    HalfOpen,
    /// What brokers answer to a fetch makes no sense; everything else does.
    GarbleFetches,
}

/// Stands before one listener; gone when the tests are.
pub struct Proxy {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    now: Mutex<Now>,
    changed: Condvar,
}

struct Now {
    fault: Fault,
    /// What is open; some of it may have ended.
    open: Vec<TcpStream>,
    cut: usize,
}

impl Default for Now {
    fn default() -> Self {
        Now {
            fault: Fault::None,
            open: Vec::new(),
            cut: 0,
        }
    }
}

/// What was read, and when.
type Piece = (Instant, Vec<u8>);

const PIECE: usize = 16 << 10;
/// How many pieces are on their way before nothing more is read.
const ON_THE_WAY: usize = 256;

impl Proxy {
    /// A proxy before this port.
    pub fn to(port: u16) -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port for a proxy");
        let own = listener.local_addr().expect("its address").port();
        let state = Arc::<State>::default();
        let proxy = Proxy {
            port: own,
            state: Arc::clone(&state),
        };
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                connect(client, port, &state);
            }
        });
        proxy
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// From now on this is done, to the connections that there are too.
    pub fn set(&self, fault: Fault) {
        let mut now = self.state.now.lock().unwrap();
        now.fault = fault;
        if fault == Fault::Down {
            now.open.drain(..).for_each(|stream| end(&stream));
        }
        self.state.changed.notify_all();
    }

    /// How many connections there have been, unless it was down in between.
    pub fn connections(&self) -> usize {
        self.state.now.lock().unwrap().open.len() / 2
    }

    /// How many connections were cut after so many bytes.
    pub fn cut(&self) -> usize {
        self.state.now.lock().unwrap().cut
    }
}

impl State {
    fn fault(&self) -> Fault {
        self.now.lock().unwrap().fault
    }
}

fn end(stream: &TcpStream) {
    // It may have ended already.
    let _ = stream.shutdown(Shutdown::Both);
}

fn connect(client: TcpStream, port: u16, state: &Arc<State>) {
    if state.fault() == Fault::Down {
        return;
    }
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Ok(broker) = TcpStream::connect_timeout(&to, Duration::from_secs(5)) else {
        return;
    };
    let copy = |stream: &TcpStream| stream.try_clone().expect("a copy of a socket");
    state
        .now
        .lock()
        .unwrap()
        .open
        .extend([copy(&client), copy(&broker)]);
    let fetches = Fetches::default();
    for (from, to, to_client) in [
        (copy(&client), copy(&broker), false),
        (broker, client, true),
    ] {
        let _ = (from.set_nodelay(true), to.set_nodelay(true));
        let (sender, pieces) = sync_channel(ON_THE_WAY);
        let (state, looks) = (Arc::clone(state), Arc::clone(state));
        let (mut requests, mut answers) = (Requests::new(&fetches), Answers::new(&fetches));
        let pass = move |piece: &mut [u8]| match to_client {
            true => answers.pass(piece, looks.fault() == Fault::GarbleFetches),
            false => requests.pass(piece),
        };
        thread::spawn(move || receive(from, &sender, pass));
        thread::spawn(move || send(to, &pieces, to_client, &state));
    }
}

fn receive(mut from: TcpStream, sender: &SyncSender<Piece>, mut pass: impl FnMut(&mut [u8])) {
    let mut piece = vec![0; PIECE];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        pass(&mut piece[..length]);
        if sender
            .send((Instant::now(), piece[..length].to_vec()))
            .is_err()
        {
            break;
        }
    }
}

/// Passes on what comes until the connection ends; the other direction ends with it.
fn send(mut to: TcpStream, pieces: &Receiver<Piece>, to_client: bool, state: &State) {
    let mut passed = 0;
    'pieces: for (read, piece) in pieces {
        let mut rest = piece.as_slice();
        while !rest.is_empty() {
            let Some(length) = allowed(state, read, passed, to_client) else {
                break 'pieces;
            };
            let (first, then) = rest.split_at(length.min(rest.len()));
            if to.write_all(first).is_err() {
                break 'pieces;
            }
            passed += first.len();
            rest = then;
        }
    }
    end(&to);
}

/// Waits until something may pass, and says how many bytes; `None` if the connection is to end.
fn allowed(state: &State, read: Instant, passed: usize, to_client: bool) -> Option<usize> {
    let mut now = state.now.lock().unwrap();
    loop {
        match now.fault {
            Fault::Down => return None,
            Fault::CutAfter(bytes) if to_client => {
                if passed >= bytes {
                    now.cut += 1;
                    return None;
                }
                return Some(bytes - passed);
            }
            Fault::Trickle(rate) if to_client => {
                // Ten pieces a second.
                let pause = Duration::from_millis(100);
                let (next, timeout) = state.changed.wait_timeout(now, pause).unwrap();
                now = next;
                if timeout.timed_out() {
                    return Some((rate / 10).max(1));
                }
            }
            Fault::Late(by) if read.elapsed() < by => {
                let left = by.saturating_sub(read.elapsed());
                now = state.changed.wait_timeout(now, left).unwrap().0;
            }
            Fault::HalfOpen => now = state.changed.wait(now).unwrap(),
            _ => return Some(usize::MAX),
        }
    }
}
