//! The pages: one document each, without any resource of its own. Each is whole without its script, which only sorts,
//! filters, and asks for the same page again to put what has changed in its place.
//!
//! `page.css` and `page.js` are in each of them; [`POLICY`] names them by their digests, so that nothing else runs.

mod document;
mod html;
mod of_archive;
mod overview;
mod parts;
mod spark;
#[cfg(test)]
mod tests;

pub(super) use of_archive::archive;
pub(super) use overview::overview;

/// What the pages may load and run: their own style and script.
pub(super) const POLICY: &str = include_str!("policy.txt");
