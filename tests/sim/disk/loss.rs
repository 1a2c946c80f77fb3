//! What a power cut takes away.

use crate::sim::random::Random;

/// What becomes of a file's writes that were not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// All of them had reached the disk.
    Nothing,
    /// None had.
    Everything,
    /// Those from some point on are gone.
    Later,
    /// The same, and the first of these is there in part.
    Torn,
    /// The length is there, the content is zeros from some point on.
    Content,
    /// Each sector is there or not, cuts may be undone, and the length is any that the file had.
    Sectors,
}

/// What becomes of names whose directory was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// All changes had reached the disk.
    Kept,
    /// None had.
    Lost,
    /// Those from some point on are gone.
    InOrder,
    /// Each name is as it was at some time since.
    Any,
}

impl Loss {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Nothing,
        Self::Everything,
        Self::Later,
        Self::Torn,
        Self::Content,
        Self::Sectors,
    ];
}

impl Names {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Kept, Self::Lost, Self::InOrder, Self::Any];
}

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// It is killed; the machine goes on, and so does its page cache.
    Kill,
    /// The power goes, and takes the same from each file and directory.
    Power(Loss, Names),
    /// The power goes, and takes something else from each.
    Chaos,
}

impl Crash {
    pub(super) fn of_file(self, random: &Random) -> Loss {
        match self {
            Self::Power(loss, _) => loss,
            _ => random.pick(&Loss::ALL),
        }
    }

    pub(super) fn of_names(self, random: &Random) -> Names {
        match self {
            Self::Power(_, names) => names,
            _ => random.pick(&Names::ALL),
        }
    }
}
