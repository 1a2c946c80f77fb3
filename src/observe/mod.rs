//! What archives are doing, for whoever wants to know: the log, totals, the exit code.

pub mod hung;
pub mod reason;
pub mod status;
pub mod totals;
