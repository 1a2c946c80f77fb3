//! Segments: the way of records into files.
//!
//! The order: records fill a [`batch`], whose parts go to one or more segments; batches are compressed side by side and
//! written in the order of their submission ([`pipeline`]); the positions move when each part of a batch is in its
//! segment ([`writer`]).

pub mod batch;
pub mod pipeline;
pub mod writer;
