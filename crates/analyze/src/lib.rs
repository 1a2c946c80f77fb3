//! A first look at what was captured: archives as tables of an embedded engine, and what is asked of them.
//!
//! The data's way: an archive on the disk (`archiver-format`) → [`table`]: its records as rows, fields of their values as
//! columns ([`json`]) → the engine (DataFusion), which is nowhere else in archiver → [`output`].
#![forbid(unsafe_code)]

pub mod ask;
pub mod cache;
pub mod caret;
pub mod commands;
pub mod cooperative;
pub mod daily;
pub mod database;
pub mod definition;
pub mod digest;
pub mod engine;
pub mod export;
pub mod file_url;
pub mod files;
pub mod follow;
pub mod json;
pub mod kept;
pub mod load;
pub mod model;
pub mod output;
pub mod percentile;
pub mod plain;
pub mod plot;
pub mod ranges;
pub mod rolling;
pub mod sealed;
pub mod serve;
pub mod source;
pub mod table;
pub mod texts_as_numbers;
pub mod toml_file;
pub mod untimed;
pub mod views;
