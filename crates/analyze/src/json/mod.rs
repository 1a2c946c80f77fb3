//! JSON values, of which a few fields are wanted: they are found, and the rest is only passed over.
//!
//! [`scanner`] goes through a document (RFC 8259) and takes nothing that isn't one. [`fields`] finds the fields that are
//! wanted, [`scalar`] reads what stands in one.

pub mod fields;
pub mod scalar;
pub mod scanner;

#[cfg(test)]
mod tests;
