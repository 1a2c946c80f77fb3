//! Which archiver that runs is asked: flags of the commands that do.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::catalog::{USUAL_PLACES, usual_config};
use crate::cli::{Common, usage};
use crate::config::{self, TOKEN_BYTES_MOST};
use crate::http::client::Target;

/// Whom to ask.
#[derive(Debug, clap::Args)]
pub struct Whom {
    /// Whom to ask, http://HOST:PORT or the path of a socket; else what the configuration listens on
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// With --url: a file with the token that it wants
    #[arg(long, value_name = "FILE", requires = "url")]
    token_file: Option<PathBuf>,
}

impl Whom {
    /// The configuration that says whom to ask, if no flag does and there is one.
    pub fn configuration<'a>(&self, common: &'a Common) -> Option<&'a Path> {
        let path = common.config.as_deref().or_else(|| usual_config());
        path.filter(|_| self.url.is_none())
    }

    /// The one that these flags name, or the configuration.
    pub fn target(&self, common: &Common) -> anyhow::Result<Target> {
        if let Some(url) = &self.url {
            let token = self.token_file.as_deref().map(read_token).transpose()?;
            return Target::parse(url, token).map_err(|error| usage(&error.to_string()).into());
        }
        let Some(path) = self.configuration(common) else {
            let places = USUAL_PLACES.join(" and ");
            let said =
                format!("no configuration: {places} don't exist; name one with -c FILE, or --url");
            return Err(usage(&said).into());
        };
        let config = config::load(path).map_err(|error| usage(&error.to_string()))?;
        let Some(http) = &config.http else {
            let name = config::source_name(path);
            return Err(usage(&format!(
            "{name} has no `[http] listen`, so nothing answers; write it and start archiver again, or --url"
        ))
        .into());
        };
        Ok(Target::of(http))
    }
}

fn read_token(path: &Path) -> anyhow::Result<String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {shown}"))?;
    let token = text.trim();
    if token.is_empty()
        || token.len() > TOKEN_BYTES_MOST
        || !token.bytes().all(|b| b.is_ascii_graphic())
    {
        return Err(usage(&format!("{shown} holds no token")).into());
    }
    Ok(token.to_owned())
}
