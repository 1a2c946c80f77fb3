//! Values from the environment and from files: `${NAME}`, `${file:PATH}`.

use std::ffi::OsString;
use std::path::Path;

use super::problem::quote;
use super::read::read_regular;

/// Looks a variable up in the environment.
pub(super) type Env<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// What a file may hold at most; a larger one is surely another file than was meant.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Why a `${…}` has no value. Names what was asked for, never what was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub message: String,
    /// The same without a name, which may be a part of a secret that has `${…}` in it by chance.
    pub hidden: String,
    pub help: &'static str,
}

/// Puts values in the place of every `${…}`; `$${` becomes `${`. What is put in is not looked at
/// again. All that went wrong is returned, not only the first.
pub(super) fn substitute(typed: &str, env: Env<'_>) -> Result<String, Vec<Fault>> {
    let mut value = String::with_capacity(typed.len());
    let mut faults = Vec::new();
    let mut rest = typed;
    while let Some(dollar) = rest.find('$') {
        value.push_str(&rest[..dollar]);
        rest = &rest[dollar..];
        if let Some(after) = rest.strip_prefix("$${") {
            value.push_str("${");
            rest = after;
        } else if let Some(after) = rest.strip_prefix("${") {
            let Some((name, after)) = after.split_once('}') else {
                faults.push(fault("`${` without its `}`"));
                rest = "";
                break;
            };
            match look_up(name, env) {
                Ok(found) => value.push_str(&found),
                Err(fault) => faults.push(fault),
            }
            rest = after;
        } else {
            value.push('$');
            rest = &rest[1..];
        }
    }
    value.push_str(rest);
    if faults.is_empty() {
        Ok(value)
    } else {
        Err(faults)
    }
}

/// A fault whose message has nothing secret in it.
fn fault(message: &str) -> Fault {
    Fault {
        message: message.to_owned(),
        hidden: message.to_owned(),
        help: "`${NAME}` is a variable of the environment, `${file:PATH}` what a file holds, `$${` a plain `${`",
    }
}

/// The value that a name in `${…}` stands for.
fn look_up(name: &str, env: Env<'_>) -> Result<String, Fault> {
    if let Some(path) = name.strip_prefix("file:") {
        return read(path);
    }
    if name.is_empty() {
        return Err(fault("`${}` names nothing"));
    }
    let is_name = |(index, byte): (usize, u8)| {
        byte == b'_' || byte.is_ascii_alphabetic() || (index > 0 && byte.is_ascii_digit())
    };
    if !name.bytes().enumerate().all(is_name) {
        // Not quoted: with a brace too few or too many it could be part of a secret.
        return Err(fault("between `${` and `}` stands no name of a variable"));
    }
    let Some(found) = env(name) else {
        return Err(Fault {
            message: format!("the environment variable `{name}` is not set"),
            hidden: "the environment variable that a `${…}` in here names is not set".to_owned(),
            help: "set it, or write `$${` if a plain `${` is meant",
        });
    };
    found.into_string().map_err(|_| Fault {
        message: format!("the environment variable `{name}` is not UTF-8"),
        hidden: "the environment variable that a `${…}` in here names is not UTF-8".to_owned(),
        help: "set it to text",
    })
}

/// A file's content, without the newline at its end.
fn read(path: &str) -> Result<String, Fault> {
    if path.is_empty() {
        return Err(fault("`${file:}` names no file"));
    }
    let unreadable = |why: &dyn std::fmt::Display| Fault {
        message: format!("reading the value from the file {}: {why}", quote(path)),
        hidden: format!(
            "reading the value from the file that a `${{file:…}}` in here names: {why}"
        ),
        help: "the path is relative to the working directory",
    };
    let bytes =
        read_regular(Path::new(path), FILE_BYTES_MAX).map_err(|error| unreadable(&error))?;
    let mut text = String::from_utf8(bytes).map_err(|_| unreadable(&"not UTF-8"))?;
    // As it may be for a moment while somebody writes it.
    if text.trim().is_empty() {
        return Err(unreadable(&"it is empty"));
    }
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(typed: &str) -> Result<String, Vec<String>> {
        let env = |name: &str| match name {
            "X" => Some(OsString::from("ex")),
            "NESTED" => Some(OsString::from("${X}")),
            "EMPTY" => Some(OsString::new()),
            _ => None,
        };
        substitute(typed, &env).map_err(|faults| faults.into_iter().map(|f| f.message).collect())
    }

    #[test]
    fn variables_are_put_in_alone_embedded_and_several_times() {
        for (typed, value) in [
            ("${X}", "ex"),
            ("a-${X}-b", "a-ex-b"),
            ("${X}${X}", "exex"),
            ("${EMPTY}", ""),
            ("${NESTED}", "${X}"),
            ("no dollars", "no dollars"),
            ("5$ and $X", "5$ and $X"),
            ("$${X}", "${X}"),
            ("$$${X}", "$${X}"),
            ("${X}$", "ex$"),
        ] {
            assert_eq!(with(typed).as_deref(), Ok(value), "{typed}");
        }
    }

    #[test]
    fn every_fault_is_named() {
        assert_eq!(
            with("${NO}-${}-${file:}-${a b}-${open"),
            Err(vec![
                "the environment variable `NO` is not set".to_owned(),
                "`${}` names nothing".to_owned(),
                "`${file:}` names no file".to_owned(),
                "between `${` and `}` stands no name of a variable".to_owned(),
                "`${` without its `}`".to_owned(),
            ])
        );
    }

    #[test]
    fn a_file_gives_its_text_without_the_last_newline() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        for (held, value) in [
            ("s\n", "s"),
            ("s", "s"),
            ("s\r\n", "s"),
            ("a\nb\n\n", "a\nb\n"),
        ] {
            std::fs::write(&path, held).unwrap();
            let typed = format!("<${{file:{}}}>", path.display());
            assert_eq!(with(&typed), Ok(format!("<{value}>")));
        }
    }

    #[test]
    fn a_file_that_cannot_be_a_value_is_named_with_the_reason() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f");
        let shown = path.display();
        let typed = format!("${{file:{shown}}}");
        let fails = |why: &str| {
            let message = format!("reading the value from the file `{shown}`: {why}");
            assert_eq!(with(&typed), Err(vec![message]));
        };
        fails("No such file or directory (os error 2)");
        std::fs::write(&path, b"\n").unwrap();
        fails("it is empty");
        std::fs::write(&path, b"\xff").unwrap();
        fails("not UTF-8");
        std::fs::write(&path, vec![b'x'; 1024 * 1024 + 1]).unwrap();
        fails("more than 1 MiB");
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        fails("not a regular file");
    }
}
