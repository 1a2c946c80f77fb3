//! What may not be shown of a configuration with syntax errors.
//!
//! Line by line, without trust in quotes or brackets of the lines before: shown is the one value of
//! a key that is archiver's own, in a table where it belongs. What looks like a key is shown only if
//! it is one, or nearly: behind a lost quote it can be a part of a secret.

use toml_parser::Source;
use toml_parser::lexer::{Token, TokenKind};

use super::keys;
use super::known_properties::KNOWN;
use super::problem::Span;

/// The parts to hide, ascending.
pub(super) fn hidden_in_broken(text: &str) -> Vec<Span> {
    let tokens: Vec<Token> = Source::new(text).lex().collect();
    let mut scan = Scan {
        text,
        table: Table::Top,
        hidden: Vec::new(),
    };
    for line in tokens.split(|token| token.kind() == TokenKind::Newline) {
        let is_blank =
            |token: &&Token| matches!(token.kind(), TokenKind::Whitespace | TokenKind::Eof);
        let line: Vec<Token> = line
            .iter()
            .filter(|token| !is_blank(token))
            .copied()
            .collect();
        scan.line(&line);
    }
    scan.hidden
}

/// The table that a line stands in.
#[derive(Clone, Copy, PartialEq)]
enum Table {
    Top,
    Archive,
    Defaults,
    Limits,
    Cluster,
    /// Nothing in it is shown.
    Hidden,
}

impl Table {
    fn named(path: &[&str]) -> Table {
        match path {
            ["archive"] => Table::Archive,
            ["defaults"] => Table::Defaults,
            ["limits"] => Table::Limits,
            ["clusters", _] => Table::Cluster,
            _ => Table::Hidden,
        }
    }

    fn keys(self) -> &'static [&'static str] {
        match self {
            Table::Top => keys::TOP,
            Table::Archive => keys::ARCHIVE,
            Table::Defaults => keys::DEFAULTS,
            Table::Limits => keys::LIMITS,
            Table::Cluster => keys::CLUSTER,
            Table::Hidden => &[],
        }
    }
}

struct Scan<'a> {
    text: &'a str,
    table: Table,
    hidden: Vec<Span>,
}

impl<'a> Scan<'a> {
    /// Takes the tokens of one line, without white space.
    fn line(&mut self, line: &[Token]) {
        let shown = match line.first() {
            None => return,
            Some(token) if is_bracket(*token) => self.header(line),
            Some(_) => self.key_value(line),
        };
        for token in &line[shown..] {
            if could_be_value(token.kind()) {
                self.hidden.push(token.span().start()..token.span().end());
            }
        }
    }

    /// `[a.b]`, `[[a]]`, or what was begun like one. How many tokens may be shown.
    fn header(&mut self, line: &[Token]) -> usize {
        let opening = line.iter().take_while(|token| is_bracket(**token)).count();
        let rest = &line[opening..];
        let path = self.key_path(rest);
        let after = rest.get(path).map(|token| token.kind());
        let keys: Vec<&str> = rest[..path]
            .iter()
            .filter(|token| token.kind() != TokenKind::Dot)
            .map(|token| self.unquoted(*token))
            .collect();
        self.table = match after {
            Some(TokenKind::RightSquareBracket) => Table::named(&keys),
            _ => Table::Hidden,
        };
        opening + plain(rest)
    }

    /// `key = value`. How many tokens may be shown.
    fn key_value(&self, line: &[Token]) -> usize {
        let path = self.key_path(line);
        let after = line.get(path).map(|token| token.kind());
        if path == 0 || after != Some(TokenKind::Equals) {
            return 0;
        }
        let name = self.unquoted(line[0]);
        // `kafka` holds properties, whatever is wrong with it.
        let is_own = path == 1 && name != "kafka" && self.table.keys().contains(&name);
        if !is_own {
            return if self.is_known(&line[..path]) {
                path
            } else {
                0
            };
        }
        let value = &line[path + 1..];
        let scalar = match value.first().map(|token| token.kind()) {
            Some(TokenKind::BasicString | TokenKind::LiteralString) => 1,
            _ => plain(value),
        };
        let comment = value.get(scalar).map(|token| token.kind()) == Some(TokenKind::Comment);
        path + 1 + scalar + usize::from(comment)
    }

    /// How many tokens at the start are a key, dotted or not.
    fn key_path(&self, tokens: &[Token]) -> usize {
        let is_key = |token: &Token| {
            matches!(
                token.kind(),
                TokenKind::Atom | TokenKind::BasicString | TokenKind::LiteralString
            )
        };
        let mut count = 0;
        while tokens.get(count).is_some_and(is_key) {
            count += 1;
            match tokens.get(count).map(|token| token.kind()) {
                Some(TokenKind::Dot) if tokens.get(count + 1).is_some_and(is_key) => count += 1,
                _ => break,
            }
        }
        count
    }

    /// Whether the path is a key or a property that exists, or nearly.
    fn is_known(&self, path: &[Token]) -> bool {
        let (Some(first), Some(last)) = (path.first(), path.last()) else {
            return false;
        };
        let typed = match path {
            [one] => self.unquoted(*one),
            _ => &self.text[first.span().start()..last.span().end()],
        };
        let own = self.table.keys().iter().copied();
        let properties = KNOWN.iter().map(|(name, _)| *name);
        keys::home(typed).is_some() || keys::nearest(typed, own.chain(properties)).is_some()
    }

    fn unquoted(&self, token: Token) -> &'a str {
        self.text[token.span().start()..token.span().end()].trim_matches(['"', '\''])
    }
}

/// How many tokens at the start are bare words with dots: a key, a number, a date.
fn plain(tokens: &[Token]) -> usize {
    let is_plain = |token: &&Token| matches!(token.kind(), TokenKind::Atom | TokenKind::Dot);
    tokens.iter().take_while(is_plain).count()
}

fn could_be_value(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Atom
            | TokenKind::Dot
            | TokenKind::BasicString
            | TokenKind::LiteralString
            | TokenKind::MlBasicString
            | TokenKind::MlLiteralString
            | TokenKind::Comment
    )
}

fn is_bracket(token: Token) -> bool {
    token.kind() == TokenKind::LeftSquareBracket
}
