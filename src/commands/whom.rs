//! Which archiver that runs is asked: flags of the commands that do.

use std::path::{Path, PathBuf};

use crate::catalog::{USUAL_PLACES, usual_config};
use crate::cli::{Common, UsageError, usage};
use crate::config::{self, Token};
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
    /// The configuration that is meant: the one that is named; else, if no flag says whom to ask, the usual one.
    pub fn configuration<'a>(&self, common: &'a Common) -> Option<&'a Path> {
        let usual = || usual_config().filter(|_| self.url.is_none());
        common.config.as_deref().or_else(usual)
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
        let http = config::load_http(path).map_err(|error| {
            usage(&format!(
                "{error}; its [http] says whom to ask, or --url does"
            ))
        })?;
        let Some(http) = &http else {
            let name = config::source_name(path);
            return Err(usage(&format!(
            "{name} has no `[http] listen`, so nothing answers; write it and start archiver again, or --url"
        ))
        .into());
        };
        Ok(Target::of(http))
    }
}

fn read_token(path: &Path) -> Result<Token, UsageError> {
    let shown = path.display();
    Token::read(path).map_err(|why| usage(&format!("reading the token in {shown}: {why}")))
}
