//! The commands that do something of their own.

pub mod demo;
