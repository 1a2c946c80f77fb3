//! Which answers on a connection are those to fetches, and their bytes made senseless.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

/// The numbers of requests that were fetches and were not answered yet, of one connection.
pub type Fetches = Arc<Mutex<HashSet<[u8; 4]>>>;

/// The API key of a fetch.
const FETCH: [u8; 2] = [0, 1];
/// Up to here an answer to a fetch says which it is, and that it is no error; then come the topics.
const HEAD: usize = 4 + 4 + 1 + 4 + 2 + 4;

/// A frame that is passing: its length in four bytes, and then so many.
#[derive(Default)]
struct Frame {
    head: Vec<u8>,
    passed: usize,
}

impl Frame {
    /// Takes one byte; is the frame over with it?
    fn take(&mut self, byte: u8) -> bool {
        if self.head.len() < HEAD {
            self.head.push(byte);
        }
        self.passed += 1;
        let length = self
            .head
            .first_chunk::<4>()
            .map(|l| u32::from_be_bytes(*l) as usize);
        length.is_some_and(|length| self.passed >= 4 + length)
    }
}

/// What a client asks.
pub struct Requests {
    frame: Frame,
    fetches: Fetches,
}

impl Requests {
    pub fn new(fetches: &Fetches) -> Self {
        let fetches = Arc::clone(fetches);
        Self {
            frame: Frame::default(),
            fetches,
        }
    }

    /// Notes which are fetches.
    pub fn pass(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            let is_over = self.frame.take(byte);
            let head = &self.frame.head;
            if self.frame.passed == 12 && head[4..6] == FETCH {
                let number = head[8..12].try_into().expect("four bytes");
                self.fetches.lock().unwrap().insert(number);
            }
            if is_over {
                self.frame = Frame::default();
            }
        }
    }
}

/// What a broker answers.
pub struct Answers {
    frame: Frame,
    is_garbled: bool,
    fetches: Fetches,
}

impl Answers {
    pub fn new(fetches: &Fetches) -> Self {
        let fetches = Arc::clone(fetches);
        Self {
            frame: Frame::default(),
            is_garbled: false,
            fetches,
        }
    }

    /// Makes those to fetches senseless, if that is wanted when they begin.
    pub fn pass(&mut self, bytes: &mut [u8], garble: bool) {
        for byte in bytes {
            let is_over = self.frame.take(*byte);
            if self.frame.passed == 8 {
                let number = self.frame.head[4..8].try_into().expect("four bytes");
                let is_fetch = self.fetches.lock().unwrap().remove::<[u8; 4]>(&number);
                self.is_garbled = is_fetch && garble;
            }
            if self.is_garbled && self.frame.passed > HEAD {
                *byte = 0xff;
            }
            if is_over {
                self.frame = Frame::default();
                self.is_garbled = false;
            }
        }
    }
}
