//! Why a text is no template. Columns are counted in characters, from 1.

use super::PLACEHOLDERS;
use super::times;

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// No placeholder has this name.
    #[error("unknown placeholder `{{{name}}}` in column {column}; known are {}", PLACEHOLDERS.join(", "))]
    Unknown {
        /// As it was typed, up to a colon.
        name: String,
        /// Where its brace is.
        column: usize,
    },
    /// A placeholder has no end.
    #[error("the `{{` in column {column} is not closed; `{{{{` is a brace")]
    Open {
        /// Where its brace is.
        column: usize,
    },
    /// A brace ends nothing.
    #[error("the `}}` in column {column} closes nothing; `}}}}` is a brace")]
    Close {
        /// Where it is.
        column: usize,
    },
    /// Something stands behind a colon, and shouldn't.
    #[error("`{{{name}}}` in column {column} takes nothing behind its name")]
    Argument {
        /// The placeholder.
        name: &'static str,
        /// Where its brace is.
        column: usize,
    },
    /// The width of a number is none.
    #[error(
        "`{{seq}}` in column {column} takes a number of digits from 01 to 020, as in `{{seq:06}}`"
    )]
    Width {
        /// Where its brace is.
        column: usize,
    },
    /// A time without anything of it.
    #[error(
        "`{{{name}}}` in column {column} has nothing of the time in it; write `{{{name}:%Y-%m-%d}}`, or another format"
    )]
    Format {
        /// The placeholder.
        name: &'static str,
        /// Where its brace is.
        column: usize,
    },
    /// A conversion that no path can have.
    #[error(
        "`{conversion}` in column {column} can't be a part of a path; known are {}, and `-` before a number leaves its zeros out, as in %-d",
        times::known()
    )]
    Conversion {
        /// As it was typed.
        conversion: String,
        /// Where its percent sign is.
        column: usize,
    },
    /// A format that could be taken for the text of no time.
    #[error(
        "the format in column {column} begins with `{}`, as do the names for records without a timestamp",
        times::UNKNOWN
    )]
    Reserved {
        /// Where its placeholder begins.
        column: usize,
    },
    /// Two numbers can't be told from each other.
    #[error(
        "between the placeholder in column {column} and the one before it stands nothing but digits, or nothing; write `-`, for example"
    )]
    Adjacent {
        /// Where the second one begins.
        column: usize,
    },
    /// Two segments could get one name.
    #[error("`{{{name}}}` in column {column} needs `{{seq}}`, or two segments could get one name")]
    NoSequence {
        /// The placeholder.
        name: &'static str,
        /// Where its brace is.
        column: usize,
    },
    /// A way up, out of a directory with a name that isn't known.
    #[error("`..` can't stand behind a placeholder")]
    Upwards,
    /// A path that no file can have.
    #[error("the path is a directory's, as it ends in `/`")]
    Directory,
    /// A zero byte.
    #[error("no path has a zero byte in it")]
    Zero,
    /// The topic's or the archive's name.
    #[error("the {of}'s name can't be a name in a directory")]
    Name {
        /// Whose it is.
        of: &'static str,
    },
    /// A path among archiver's own files.
    #[error("the path leads into a directory `.archiver`, where checkpoints are kept")]
    OwnState,
    /// The name of a sealed segment says that it is growing.
    #[error("the path ends in `.part`, as segments do while they grow")]
    Growing,
}
