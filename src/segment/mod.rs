//! From records to the files: batches, compressed side by side and written in order.

pub mod batch;
pub mod pipeline;
pub mod writer;
