//! The safe face of librdkafka: the only module of the crate with `unsafe` in it.
//!
//! What holds here: a [`Client`] outlives its [`Topic`]s, [`Queue`]s and [`Target`]s (they keep it by `Arc`); a
//! pointer that librdkafka hands out for reading is read before the object it belongs to is destroyed,
//! in the same function; librdkafka's handles may be used from any thread (its own documentation).
#![allow(unsafe_code)]

mod admin;
mod callbacks;
mod client;
mod configs;
mod convert;
mod create_topics;
mod exit;
mod group_offsets;
mod message;
mod new_record;
mod pipe;
mod producer;
mod queue;
mod target;
mod transactions;
mod undelivered;
#[cfg(target_env = "gnu")]
mod wait;

pub(super) use admin::{Listed, Place};
pub(super) use callbacks::Events;
pub use client::Broker;
pub(super) use client::Client;
pub use create_topics::{Created, NewTopic};
pub use exit::exit;
pub use group_offsets::GroupOffset;
pub(super) use message::TopicKey;
pub use new_record::NewRecord;
pub use producer::NotSent;
pub(super) use producer::Producer;
pub(super) use queue::{Queue, Run, Topic};
pub use target::Target;
pub use transactions::{Remedy, TransactionError};
pub use undelivered::{Refusal, Returned, Undelivered};
