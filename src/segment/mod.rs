//! The output file: what is appended to it, how it is compressed, and how its end is known again.

pub mod append;
pub mod compression;
pub mod mark;
pub mod pipeline;
pub mod writer;
