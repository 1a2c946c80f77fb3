//! How operations fail.

use std::io;

use crate::sim::random::Random;

/// An error that an operation ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// EIO: a read or a write that the device doesn't do.
    Io,
    /// ENOSPC: the disk is full.
    Full,
    /// EDQUOT: the user has no more room.
    Quota,
    /// EINTR: a signal came.
    Interrupted,
}

impl Fault {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Io, Self::Full, Self::Quota, Self::Interrupted];
}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        Self::from_raw_os_error(match fault {
            Fault::Io => libc::EIO,
            Fault::Full => libc::ENOSPC,
            Fault::Quota => libc::EDQUOT,
            Fault::Interrupted => libc::EINTR,
        })
    }
}

/// When operations fail.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// One in so many operations; 0 is none.
    pub once_in: usize,
    /// The operation of this number.
    pub at: Option<(u64, Fault)>,
    /// What files may hold in all, in bytes.
    pub room: Option<usize>,
    /// One in so many pieces of blocking work takes very long; 0 is none.
    pub hang_once_in: usize,
}

impl Faults {
    pub(super) fn draw(&self, operation: u64, random: &Random) -> Option<Fault> {
        if let Some((at, fault)) = self.at
            && at == operation
        {
            return Some(fault);
        }
        (self.once_in > 0 && random.once_in(self.once_in)).then(|| random.pick(&Fault::ALL))
    }
}
