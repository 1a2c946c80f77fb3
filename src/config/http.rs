//! `[http]`: where requests are answered, and to whom.

use std::fmt;
use std::path::Path;

use super::keys::{ALLOW_REMOTE, HTTP, LISTEN, TOKEN_FILE};
use super::listen::{LISTEN_HELP, Listen};
use super::problem::{At, Problem, Text};
use super::read::read_regular;
use super::table::Table;
use super::walk::Walker;

/// A shorter token could be guessed.
const TOKEN_BYTES_MIN: usize = 16;
/// And a longer one is none.
const TOKEN_BYTES_MOST: usize = 4096;
/// A larger file holds something else.
const FILE_BYTES_MOST: u64 = 1 << 20;

/// Where requests are answered, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// The address.
    pub listen: Listen,
    /// What a request must bring along, if anything.
    pub token: Option<Token>,
}

/// A secret that requests bring along. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The secret in a file, without white space around it.
    ///
    /// # Errors
    ///
    /// If the file can't be read, or holds none.
    pub fn read(path: &Path) -> Result<Self, String> {
        let bytes = read_regular(path, FILE_BYTES_MOST).map_err(|error| error.to_string())?;
        let text = std::str::from_utf8(&bytes).unwrap_or_default().trim();
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_visible || !(TOKEN_BYTES_MIN..=TOKEN_BYTES_MOST).contains(&text.len()) {
            return Err("it is no secret of 16 to 4096 visible ASCII characters".into());
        }
        Ok(Self(text.to_owned()))
    }

    /// A token of a test.
    #[cfg(test)]
    pub(crate) fn for_test(text: &str) -> Self {
        Self(text.into())
    }

    /// What it is, for a request.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What `[http]` says. Without `listen` nothing is answered.
pub(super) fn check(walker: &mut Walker<'_>, top: &Table) -> Option<Http> {
    let table = top.get(&HTTP)?;
    let typed = table.get(&TOKEN_FILE);
    let token = typed.and_then(|path| read_token(walker, path));
    let is_open = table.get(&ALLOW_REMOTE).copied().unwrap_or_default();
    let Some(At { value, span }) = table.at(&LISTEN) else {
        if let Some(path) = typed {
            let problem = Problem::at(&path.span, "`token_file` without `listen`");
            walker.report(problem.help(LISTEN_HELP));
        }
        return None;
    };
    if !value.is_local() && typed.is_none() && !is_open {
        let message = "others than this machine could ask here, and nothing would keep them out";
        let problem = Problem::at(&span, message);
        walker.report(problem.help(
            "listen on 127.0.0.1, or write `token_file = \"PATH\"` (a secret that requests must bring), or \
             `allow_remote = true` if anybody may see it",
        ));
    }
    Some(Http {
        listen: value.clone(),
        token,
    })
}

/// The secret in the file of `[http]`.
fn read_token(walker: &mut Walker<'_>, path: &Text) -> Option<Token> {
    match Token::read(Path::new(&path.value)) {
        Ok(token) => Some(token),
        Err(why) => {
            let message = format!("reading the token in {}: {why}", path.quoted());
            let problem = Problem::at(&path.span, message);
            walker.report(problem.help(
                "it is a file with a secret in it, at least 16 visible characters: `openssl rand -hex 32 > PATH`",
            ));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_shown() {
        let http = Http {
            listen: Listen::Unix("/s".into()),
            token: Some(Token("a-secret-of-some-length".into())),
        };
        assert!(!format!("{http:?}").contains("secret"));
    }
}
