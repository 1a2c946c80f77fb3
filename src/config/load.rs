//! From a file to a checked configuration.

use std::path::Path;

use toml::de::DeTable;

use super::built::Checked;
use super::check::check;
use super::configuration::Config;
use super::http::{self, Http};
use super::keys::TOP;
use super::mask::Masked;
use super::problem::Problem;
use super::read::{read_source, source_name};
use super::report::LoadError;
use super::substitute::Env;
use super::table::Table;
use super::walk::Walker;

/// The table that says where requests are answered.
const TABLE: &str = "http";

/// Reads and checks a configuration. Looks at the disk, changes nothing there, contacts nobody.
///
/// # Errors
///
/// Everything that is wrong with the file, in one go; of a file that isn't TOML, where it isn't.
pub fn load(path: &Path) -> Result<Checked<Config>, LoadError> {
    let name = source_name(path);
    let text = read_text(&name, path)?;
    load_text(&name, &text, &|variable| std::env::var_os(variable))
}

/// Reads `[http]` of a configuration, and nothing else of it: the rest may be wrong, half written, or made of what only
/// the archiver that runs with it may see.
///
/// # Errors
///
/// What keeps `[http]` from being known.
pub fn load_http(path: &Path) -> Result<Option<Http>, LoadError> {
    let name = source_name(path);
    let text = read_text(&name, path)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let (root, errors) = DeTable::parse_recoverable(text);
    let env = |variable: &str| std::env::var_os(variable);
    let mut walker = Walker::new(text, &env);
    let all = root.get_ref().iter();
    let own = all.filter(|(name, _)| name.get_ref().as_ref() == TABLE);
    let own = own.map(|(name, value)| (name.clone(), value.clone()));
    let top = Table::read(&mut walker, TOP, &own.collect(), &root.span());
    let http = http::check(&mut walker, &top);
    // What was not understood isn't masked, so nothing of the text is shown.
    if !errors.is_empty() && (http.is_none() || !walker.problems.is_empty()) {
        return Err(not_toml(&name, text, &errors));
    }
    if walker.problems.is_empty() {
        return Ok(http);
    }
    let masked = Masked::new(text, root.get_ref(), &walker.shown);
    Err(LoadError::invalid(&name, text, &masked, walker.problems))
}

fn read_text(name: &str, path: &Path) -> Result<String, LoadError> {
    let bytes = read_source(path).map_err(|error| LoadError::unreadable(name, &error))?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        LoadError::unreadable(name, &format_args!("not UTF-8 in line {line}"))
    })
}

fn not_toml(name: &str, text: &str, errors: &[toml::de::Error]) -> LoadError {
    let end = text.len();
    let problem = |error: &toml::de::Error| {
        let at = error.span().map_or(end, |span| span.start.min(end));
        Problem::at(&(at..at), format!("not TOML: {}", error.message()))
    };
    LoadError::not_toml(name, text, errors.iter().map(problem).collect())
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
        return Err(not_toml(name, text, &errors));
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What `[http]` is of a file with this text.
    fn http(text: &str) -> Result<Option<String>, String> {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("t.toml");
        std::fs::write(&path, text).expect("written");
        let http = load_http(&path).map_err(|error| error.to_string())?;
        Ok(http.map(|http| http.listen.to_string()))
    }

    #[test]
    fn where_it_answers_is_known_whatever_else_is_wrong() {
        let listens = "[http]\nlisten = \"127.0.0.1:9464\"\n";
        for rest in [
            "",
            "[kafka]\n\"sasl.password\" = \"${file:/no/such}\"\nno = 1\n",
            "[[archive]]\nbroker = \"${NO_SUCH_VARIABLE}\"\n",
            "[[archive",
            "[[archive]]\nfile = \"not ended\n",
        ] {
            let text = format!("{listens}{rest}");
            assert_eq!(
                http(&text),
                Ok(Some("http://127.0.0.1:9464/".into())),
                "{text}"
            );
        }
    }

    #[test]
    fn what_keeps_it_from_being_known_is_said() {
        assert_eq!(http("shutdown_timeout = \"soon\""), Ok(None));
        for (text, says) in [
            ("[[archive", "not TOML"),
            ("[http]\nlisten = \"nowhere\"", "listen"),
            (
                "[http]\nlisten = \"127.0.0.1:9464\"\ntoken_file = \"/no/such\"",
                "reading the token in",
            ),
        ] {
            let said = http(text).expect_err("it can't be known");
            assert!(said.contains(says), "{said}");
        }
    }
}
