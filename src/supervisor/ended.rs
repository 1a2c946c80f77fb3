//! How a run of the process ended.

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was asked to stop, and everything is in the files and durable.
    Clean,
    /// It was asked to stop, and something is not in the files yet, which the next run reads again; or a disk that
    /// hangs keeps the process from vanishing.
    Unfinished,
    /// No archive can ever go on.
    Hopeless,
}
