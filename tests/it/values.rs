//! Values of every sort, no two alike.

use std::fmt::Write;

use crate::produce::Record;
use crate::random::Random;

const BIG: usize = 900_000;

/// Every one of a topic's values that isn't empty holds a number of its own, in digits, which no
/// newline policy changes.
pub struct Values {
    random: Random,
    next: u64,
    /// One in so many is 900 kB; 0 for none.
    pub big_every: u64,
}

impl Values {
    pub fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            next: 0,
            big_every: 0,
        }
    }

    /// A record of a sort that chance decides: JSON, binary, several lines, empty, null, or huge.
    pub fn mixed(&mut self) -> Record {
        let id = self.id();
        let huge = self.big_every > 0 && id % self.big_every == self.big_every / 2;
        let value = match self.random.below(20) {
            _ if huge => Some(self.huge(id)),
            0 | 1 => Some(Vec::new()),
            2 => None,
            3..=6 => Some(self.binary(id)),
            7 | 8 => Some(self.lines(id)),
            _ => Some(self.json(id)),
        };
        let mut record = Record {
            value,
            ..Record::default()
        };
        if self.random.below(2) == 0 {
            let length = self.random.below(12) as usize;
            record.key = Some(self.random.bytes(length));
        }
        if self.random.below(4) == 0 {
            record
                .headers
                .push(("trace".into(), Some(self.random.bytes(16))));
            record.headers.push(("trace".into(), None));
        }
        record
    }

    /// `count` records of JSON.
    pub fn jsons(&mut self, count: usize) -> Vec<Record> {
        (0..count)
            .map(|_| {
                let id = self.id();
                Record::value(self.json(id))
            })
            .collect()
    }

    fn id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn json(&mut self, id: u64) -> Vec<u8> {
        let mut text = format!(r#"{{"id":{id},"host":"web-{:02}""#, self.random.below(40));
        for name in [
            "user", "session", "latency", "bytes", "status", "trace", "span",
        ] {
            write!(text, r#","{name}":{}"#, self.random.below(10_000_000_000)).unwrap();
        }
        text.push('}');
        text.into_bytes()
    }

    fn lines(&mut self, id: u64) -> Vec<u8> {
        format!(
            "{{\n  \"id\": {id},\n\n  \"n\": {}\n}}\n",
            self.random.below(1000)
        )
        .into_bytes()
    }

    fn binary(&mut self, id: u64) -> Vec<u8> {
        let mut value = b"\x00\xff\r\\".to_vec();
        let length = self.random.below(120) as usize;
        value.extend(self.random.bytes(length));
        value.extend(format!("\0{id}\0").into_bytes());
        value
    }

    fn huge(&mut self, id: u64) -> Vec<u8> {
        let mut value = format!("{id} ").into_bytes();
        let block = self.random.bytes(5000);
        while value.len() + block.len() <= BIG {
            value.extend(&block);
        }
        value
    }
}

/// What `newline = "space"` makes of a value, which is the default.
pub fn spaced(value: &[u8]) -> Vec<u8> {
    value
        .iter()
        .map(|&b| if b == b'\n' { b' ' } else { b })
        .collect()
}
