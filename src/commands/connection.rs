//! Where Kafka is, as it is typed: the flags of every command that may do without a configuration.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::catalog::usual_config;
use crate::cli::{Common, usage};
use crate::config::{Checked, Config, NOT_WRITTEN, Typed, TypedError, for_capture};

/// A cluster.
#[derive(Debug, clap::Args)]
pub struct Connection {
    /// Brokers, HOST:PORT[,HOST:PORT…], or a cluster of the configuration
    #[arg(short, long, value_name = "BROKERS")]
    pub broker: Option<String>,
    #[command(flatten)]
    pub properties: Properties,
}

/// How it is talked to.
#[derive(Debug, Clone, clap::Args)]
pub struct Properties {
    /// A property for librdkafka, as in kcat
    #[arg(short = 'X', value_name = "NAME=VALUE")]
    property: Vec<String>,
    /// A file of such properties, one a line
    #[arg(long, value_name = "FILE")]
    cluster_config: Option<PathBuf>,
}

impl Connection {
    /// What the configuration is made of, as far as it is about the cluster.
    pub fn typed(&self) -> anyhow::Result<Typed> {
        let of = &self.properties;
        let mut properties = match &of.cluster_config {
            Some(path) => properties(path)?,
            None => Vec::new(),
        };
        for (number, typed) in (1..).zip(&of.property) {
            // Nothing of it is shown, as it may be a secret.
            let pair =
                pair(typed).map_err(|e| usage(&format!("-X, the {number}. of them: {e}")))?;
            properties.push(pair);
        }
        Ok(Typed {
            broker: self.broker.clone(),
            properties,
            ..Typed::default()
        })
    }

    /// A configuration of the clusters that are meant: the one that was typed, or all of the file.
    pub fn config(&self, common: &Common) -> anyhow::Result<Checked<Config>> {
        let typed = self.typed()?;
        let base = common.config.as_deref();
        let base = base.or_else(|| usual_config().filter(|_| typed.broker.is_none()));
        let any = Typed {
            topics: vec!["any".to_owned()],
            file: Some(NOT_WRITTEN.to_owned()),
            ..typed.clone()
        };
        let made = match (&typed.broker, base) {
            (None, Some(base)) => match for_capture(Some(base), &typed) {
                // It names clusters only.
                Err(TypedError::NoTopic) => for_capture(Some(base), &any),
                made => made,
            },
            (_, base) => for_capture(base, &any),
        };
        Ok(made?)
    }
}

/// The properties in a file: NAME=VALUE, one a line; what follows a # at its beginning is left out.
fn properties(path: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {shown}"))?;
    let mut properties = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            bail!("reading {shown}: line {number} is no NAME=VALUE");
        };
        properties.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    Ok(properties)
}

/// What stands on both sides of a =.
pub fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text
        .split_once('=')
        .filter(|(name, _)| !name.trim().is_empty());
    let (name, value) = pair.ok_or("write NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
