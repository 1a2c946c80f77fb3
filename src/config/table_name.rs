//! The tables that keys stand in, and what messages call them.

/// A table that keys stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TableName {
    Top,
    Defaults,
    Archive,
    Rotate,
    Limits,
    Cluster,
    Http,
}

impl TableName {
    /// As it is typed.
    pub fn header(self) -> &'static str {
        match self {
            Self::Top => "",
            Self::Defaults => "[defaults]",
            Self::Archive => "[[archive]]",
            Self::Rotate => "rotate = { ... }",
            Self::Limits => "[limits]",
            Self::Cluster => "[clusters.NAME]",
            Self::Http => "[http]",
        }
    }

    /// As in "unknown key … in `[limits]`".
    pub fn within(self) -> String {
        match self {
            Self::Top => "at the top of the file".to_owned(),
            Self::Archive => format!("in an `{}`", self.header()),
            Self::Cluster => format!("in a `{}` table", self.header()),
            Self::Rotate => "in `rotate`".to_owned(),
            Self::Defaults | Self::Limits | Self::Http => format!("in `{}`", self.header()),
        }
    }

    /// As in "this archive is missing …", where there can be several.
    pub fn noun(self) -> Option<&'static str> {
        match self {
            Self::Archive => Some("archive"),
            Self::Cluster => Some("cluster"),
            Self::Top | Self::Defaults | Self::Rotate | Self::Limits | Self::Http => None,
        }
    }
}
