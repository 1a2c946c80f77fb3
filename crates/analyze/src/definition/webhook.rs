//! An address that alerts are sent to.

use std::fmt;
use std::path::PathBuf;

use hyper::Uri;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};

/// An address, and where the token is that it wants. It is written as the address alone, or as a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// `http://HOST:PORT/PATH`. What stands behind the host may be a secret.
    pub url: String,
    /// Where the token is, if it wants one.
    pub token: Option<TokenPlace>,
}

/// Where a token is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum TokenPlace {
    /// A variable of the environment.
    Variable(String),
    /// A file.
    File(PathBuf),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    url: String,
    token_env: Option<String>,
    token_file: Option<PathBuf>,
}

impl Webhook {
    fn new(written: Written) -> Result<Self, String> {
        check(&written.url)?;
        let token = match (written.token_env, written.token_file) {
            (Some(name), None) => Some(TokenPlace::Variable(name)),
            (None, Some(path)) => Some(TokenPlace::File(path)),
            (None, None) => None,
            (Some(_), Some(_)) => return Err("say one of token_env and token_file".into()),
        };
        let url = written.url;
        Ok(Self { url, token })
    }
}

/// Can it be sent to?
fn check(url: &str) -> Result<(), String> {
    let wrong = || "the address of a webhook is no http://HOST:PORT/PATH".to_owned();
    let uri = url.parse::<Uri>().map_err(|_| wrong())?;
    if uri.scheme_str() == Some("https") {
        return Err(
            "a webhook can't be https, as there is no TLS in here; have it sent by { command = [\"curl\", …] }"
                .into(),
        );
    }
    let authority = uri.authority().ok_or_else(wrong)?;
    if authority.as_str().contains('@') {
        return Err("a webhook's address has no password in it; say token_file".into());
    }
    match uri.scheme_str() {
        Some("http") => Ok(()),
        _ => Err(wrong()),
    }
}

impl<'de> Deserialize<'de> for Webhook {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct UrlOrTable;
        impl<'de> Visitor<'de> for UrlOrTable {
            type Value = Written;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the address of a webhook, or a table with its url")
            }

            fn visit_str<E: de::Error>(self, url: &str) -> Result<Written, E> {
                Ok(Written {
                    url: url.to_owned(),
                    token_env: None,
                    token_file: None,
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Written, A::Error> {
                Written::deserialize(MapAccessDeserializer::new(table))
            }
        }
        let written = from.deserialize_any(UrlOrTable)?;
        Self::new(written).map_err(de::Error::custom)
    }
}
