//! The archive that is followed.

use std::path::Path;

use anyhow::{anyhow, bail};
use archiver::catalog::{Chosen, choose};
use archiver::cli::usage;
use archiver_format::archive::Archive;
use archiver_format::position::Position;
use archiver_format::read::Selection;
use serde::{Deserialize, Serialize};

use crate::engine::{Engine, Settings};
use crate::table::columns::Column;
use crate::table::reading::unread;

/// The archive that is followed.
pub struct Source {
    chosen: Chosen,
    settings: Settings,
}

/// Which archive, and which life of its topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The topic.
    topic: String,
    /// Its id, if the brokers tell.
    topic_id: Option<String>,
    /// Their cluster's, if they tell.
    cluster_id: Option<String>,
}

impl Source {
    /// The one that a word means.
    ///
    /// # Errors
    ///
    /// If it means none, or several.
    pub fn find(config: Option<&Path>, word: &str, settings: Settings) -> anyhow::Result<Self> {
        let words = [word.to_owned()];
        match <[Chosen; 1]>::try_from(choose(config, &words)?) {
            Ok([chosen]) => Ok(Self { chosen, settings }),
            Err(several) => bail!("name one archive; these are {}", several.len()),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.chosen.name
    }

    /// What lies on the disk of it now; `None` while there are no records.
    ///
    /// # Errors
    ///
    /// If it can't be read, or can't be followed.
    pub fn load(&self) -> anyhow::Result<Option<Archive>> {
        let Some(archive) = self.chosen.load()? else {
            return Ok(None);
        };
        if self.chosen.segment.is_some() && archive.segments.len() > 1 {
            return Err(usage(
                "the source is one file of an archive that has several; name the archive, to follow all of it",
            )
            .into());
        }
        if !archive.recreated.is_empty() {
            bail!(
                "the topic of archive {} was created again: its offsets began anew, so nobody can tell what was looked at; have a new archive for it, and follow that",
                self.name()
            );
        }
        let has_records = archive.segments.iter().any(|segment| segment.bytes() > 0);
        Ok(has_records.then_some(archive))
    }

    /// The engine with the archive as its only table.
    ///
    /// # Errors
    ///
    /// If it can't be read, or nobody knows which records some lines are.
    pub fn engine(
        &self,
        archive: &Archive,
        columns: Option<Vec<Column>>,
        selection: &Selection,
    ) -> anyhow::Result<Engine> {
        // One that asks for something, if only for all of a partition: lines of which nobody knows what they are may be it.
        let mut placed = selection.clone();
        if placed.from.is_empty() {
            placed.from.set(0, Position::default());
        }
        for segment in &archive.segments {
            if segment.format != "raw" || !segment.may_hold(&placed) {
                continue;
            }
            let opened = segment.open(segment.bytes(), &placed);
            let reader = match opened {
                Err(_) if self.settings.skips_damaged => continue,
                opened => opened.map_err(|error| anyhow!(unread(self.name(), &error)))?,
            };
            if reader.left_out() > 0 {
                bail!(
                    "{} has no index for its first {} bytes, so nobody knows which of its records were looked at; archiver verify --rebuild-index makes one",
                    segment.path.display(),
                    reader.left_out()
                );
            }
        }
        Engine::of(
            &self.chosen,
            archive,
            columns,
            selection,
            self.settings.clone(),
        )
    }
}

impl Origin {
    /// That of an archive.
    pub fn of(archive: &Archive) -> Self {
        let identity = &archive.checkpoint.identity;
        Self {
            topic: identity.topic.clone(),
            topic_id: identity.topic_id.clone(),
            cluster_id: identity.cluster_id.clone(),
        }
    }

    /// Is this archive the one that was looked at before?
    ///
    /// # Errors
    ///
    /// If not: with what is another one.
    pub fn check(&self, before: &Self) -> anyhow::Result<()> {
        let is_other = |now: &Option<String>, before: &Option<String>| matches!((now, before), (Some(now), Some(before)) if now != before);
        if self.topic == before.topic
            && !is_other(&self.topic_id, &before.topic_id)
            && !is_other(&self.cluster_id, &before.cluster_id)
        {
            return Ok(());
        }
        let said = |of: &Self| {
            let id = of.topic_id.as_deref().unwrap_or("unknown");
            let cluster = of.cluster_id.as_deref().unwrap_or("unknown");
            format!("of topic {} (id {id}, cluster {cluster})", of.topic)
        };
        bail!(
            "the archive is {}, and what was emitted is {}; begin anew with another --state",
            said(self),
            said(before)
        )
    }
}
