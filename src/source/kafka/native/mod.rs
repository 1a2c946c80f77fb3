//! The safe face of librdkafka: the only module of the crate with `unsafe` in it.
//!
//! What holds here: a [`Client`] outlives its [`Topic`]s and [`Queue`]s (they keep it by `Arc`); a
//! pointer that librdkafka hands out for reading is read before the object it belongs to is destroyed,
//! in the same function; librdkafka's handles may be used from any thread (its own documentation).
#![allow(unsafe_code)]

mod admin;
mod client;
mod configs;
mod convert;
mod exit;
mod message;
mod pipe;
mod queue;
#[cfg(target_env = "gnu")]
mod wait;

pub(super) use admin::{Listed, Place};
pub use client::Broker;
pub(super) use client::{Client, Events};
pub use exit::exit;
pub(super) use message::TopicKey;
pub(super) use queue::{Queue, Run, Topic};
