//! From a file to a checked configuration.

use std::path::Path;

use toml::de::DeTable;

use super::built::Checked;
use super::check::check;
use super::configuration::Config;
use super::keys::TOP;
use super::mask::Masked;
use super::problem::Problem;
use super::read::{read_source, source_name};
use super::report::LoadError;
use super::substitute::Env;
use super::table::Table;
use super::walk::Walker;

/// Reads and checks a configuration. Looks at the disk, changes nothing there, contacts nobody.
///
/// # Errors
///
/// Everything that is wrong with the file, in one go; of a file that isn't TOML, where it isn't.
pub fn load(path: &Path) -> Result<Checked<Config>, LoadError> {
    let name = source_name(path);
    let bytes = read_source(path).map_err(|error| LoadError::unreadable(&name, &error))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        LoadError::unreadable(&name, &format_args!("not UTF-8 in line {line}"))
    })?;
    load_text(&name, &text, &|variable| std::env::var_os(variable))
}

/// As [`load`], of a text and an environment.
pub(super) fn load_text(
    name: &str,
    text: &str,
    env: Env<'_>,
) -> Result<Checked<Config>, LoadError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (root, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let end = text.len();
        let problem = |error: &toml::de::Error| {
            let at = error.span().map_or(end, |span| span.start.min(end));
            Problem::at(&(at..at), format!("not TOML: {}", error.message()))
        };
        return Err(LoadError::not_toml(
            name,
            text,
            errors.iter().map(problem).collect(),
        ));
    }
    let mut walker = Walker::new(text, env);
    let top = Table::read(&mut walker, TOP, root.get_ref(), &root.span());
    let config = check(&mut walker, &top);
    match config {
        Some(config) if walker.problems.is_empty() => Ok(Checked::new(config)),
        _ => {
            let masked = Masked::new(text, root.get_ref(), &walker.shown);
            Err(LoadError::invalid(name, text, &masked, walker.problems))
        }
    }
}
