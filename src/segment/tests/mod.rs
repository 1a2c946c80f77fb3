//! What is written is what is verified.

mod damage;
mod sound;
pub(crate) mod written;
