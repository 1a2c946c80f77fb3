//! What is written is what is verified.

mod damage;
mod sound;
mod written;
