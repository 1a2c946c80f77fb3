//! Where the topics of archives are: by the configuration that has them, or by brokers that were typed.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use archiver_format::checkpoint::Identity;
use archiver_format::state_files::StateDir;

use crate::catalog::archives;
use crate::cli::Common;
use crate::commands::connection::Connection;
use crate::config::{self, Archive, Checked, Typed, for_capture};

/// Says of an archive where its topic is, and how it was written.
pub struct TopicSource {
    known: Known,
    /// What the process may hold in memory, in bytes.
    pub memory: u64,
}

enum Known {
    /// The archives of a configuration, those of its patterns included.
    Archives(Vec<Checked<Archive>>),
    /// The cluster of whatever archive, and the configuration that it may be one of.
    Cluster(Option<PathBuf>, Typed),
}

impl TopicSource {
    /// The archives of this configuration.
    pub fn of_config(config: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = config else {
            bail!(
                "it isn't known where Kafka is; name a configuration with -c FILE, or the brokers with -b HOST:PORT"
            );
        };
        let config = config::load(path).map_err(|e| anyhow::anyhow!("{e}"))?;
        Ok(Self {
            known: Known::Archives(archives(&config)?),
            memory: config.memory_bytes,
        })
    }

    /// Any archive, on a cluster that was typed, with these keys.
    pub fn of_cluster(
        common: &Common,
        connection: &Connection,
        keys: &[(String, String)],
    ) -> anyhow::Result<Self> {
        let typed = Typed {
            keys: keys.to_vec(),
            ..connection.typed()?
        };
        Ok(Self {
            memory: connection.config(common)?.memory_bytes,
            known: Known::Cluster(common.config.clone(), typed),
        })
    }

    /// The archive whose state is there, and was stored by the archive of this identity.
    pub fn archive(
        &self,
        state: &StateDir,
        identity: &Identity,
    ) -> anyhow::Result<Checked<Archive>> {
        match &self.known {
            Known::Archives(archives) => {
                // They may be typed otherwise.
                let real =
                    |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.into());
                let mut archives = archives.iter();
                let archive = archives.find(|archive| real(&archive.state) == real(state.path()));
                archive.cloned().context(
                    "the configuration has no archive with this state, so that nobody knows where its topic is; name the \
                     brokers with -b HOST:PORT",
                )
            }
            Known::Cluster(base, typed) => {
                let quoted = |text: &str| format!("\"{text}\"");
                let mut keys = vec![
                    ("format".to_owned(), quoted(&identity.format)),
                    (
                        "compression".to_owned(),
                        quoted(identity.compression.name()),
                    ),
                ];
                keys.extend(typed.keys.iter().cloned());
                let typed = Typed {
                    topics: vec![identity.topic.clone()],
                    file: Some(identity.file.clone()),
                    keys,
                    ..typed.clone()
                };
                let config = for_capture(base.as_deref(), &typed)?;
                let archive = config.archives.first().cloned();
                archive.context("no archive can be made of its checkpoint")
            }
        }
    }
}
