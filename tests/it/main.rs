//! archiver, tried from outside: the real binary against a real Apache Kafka.
//!
//! The first part below is the harness, the second the behaviour, one file for each.
//! What the messages must say stands in `says`.

mod archiver;
mod backtrace;
mod capture;
mod capture_config;
mod capture_ends;
mod capture_output;
mod capture_random;
mod captured;
mod check;
mod config;
mod disks;
mod dump;
mod files;
mod kafka;
mod kinds;
mod numbers;
mod preload;
mod produce;
mod proxy;
mod random;
mod says;
mod scene;
mod show;
mod topic;
mod values;
mod wait;
mod wall_clock;

mod brokers;
mod browser;
mod changing;
mod cli;
mod clock;
mod come_and_go;
mod commit;
mod envelope;
mod first_start;
mod flush;
mod http;
mod lock;
mod log;
mod newlines;
mod on_seal;
mod open_files;
mod partitions;
mod patterns;
mod powercut;
mod preflight;
mod reading;
mod reading_config;
mod rebuild;
mod recovery;
mod reload;
mod secure;
mod service;
mod state;
mod stop;
mod storm;
mod threads;
mod tidy;
mod topics;
mod trouble;
mod verify;
