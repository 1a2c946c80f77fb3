//! Tables of a database: MySQL or MariaDB, PostgreSQL, SQLite.
//!
//! A [`Place`] says which database, an open [`Database`] takes [`Rows`] and gives them back. What each says differently is in
//! [`dialect`](self::dialect::Dialect); none of them sees a password but through [`Password`].

mod connection;
mod copy;
mod dialect;
mod names;
mod password;
mod place;
mod rows;
mod table;

pub use connection::Database;
pub use dialect::Dialect;
pub use password::Password;
pub use place::Place;
pub use rows::{Cells, Kind, Rows};
pub use table::{Column, Table};
