//! Where rows go: files that grow, and standard output.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail};
use archiver::cli::usage;
use archiver::terminal::Closed;
use archiver_format::mark::Mark;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;

use super::receiver::Receiver;
use crate::definition::written::Output;
use crate::output::Format;
use crate::output::appended::Appended;
use crate::output::lines::{Lines, Shape};

/// Where rows go.
pub enum To {
    /// To a file.
    File(Appended),
    /// To standard output.
    Stdout {
        /// Of what shape.
        shape: Shape,
        /// Is its header there?
        has_begun: AtomicBool,
    },
}

/// The outputs of an analysis.
pub struct Outputs {
    /// Where the rows of windows go.
    pub rows: Vec<To>,
    /// Where anomalous rows go.
    pub anomalies: Vec<To>,
    /// Who is told of anomalous rows.
    pub receivers: Vec<Arc<Receiver>>,
}

impl Outputs {
    /// Those of a definition; standard output if there are none.
    ///
    /// # Errors
    ///
    /// If rows can't be added to one of them, or a token isn't there.
    pub fn of(outputs: &[Output], format: Option<Format>) -> anyhow::Result<Self> {
        let mut of = Self {
            rows: Vec::new(),
            anomalies: Vec::new(),
            receivers: Vec::new(),
        };
        for output in outputs {
            match output {
                Output::File(path) => of.rows.push(To::file(path, format)?),
                Output::Anomalies(path) => of.anomalies.push(To::file(path, format)?),
                Output::Plot(_) | Output::Report(_) => {
                    return Err(usage(
                        "pictures are drawn of what there is: plot and report are for run without --follow",
                    )
                    .into());
                }
                Output::Webhook(webhook) => {
                    of.receivers.push(Arc::new(Receiver::webhook(webhook)?));
                }
                Output::Command(words) if words.is_empty() => {
                    return Err(usage("command is empty; name a program").into());
                }
                Output::Command(words) => {
                    of.receivers
                        .push(Arc::new(Receiver::Command(words.clone())));
                }
            }
        }
        if outputs.is_empty() {
            of.rows.push(To::Stdout {
                shape: Shape::of(format, None)?,
                has_begun: AtomicBool::new(false),
            });
        }
        Ok(of)
    }

    /// Is it asked for anomalous rows?
    pub fn wants_anomalies(&self) -> bool {
        !self.anomalies.is_empty() || !self.receivers.is_empty()
    }

    /// The files, which are all to be where they were left.
    fn files(&self) -> impl Iterator<Item = &Appended> {
        let all = self.rows.iter().chain(&self.anomalies);
        all.filter_map(|to| match to {
            To::File(file) => Some(file),
            To::Stdout { .. } => None,
        })
    }

    /// Takes files up where they were left, and begins those that are new. Forgets others.
    ///
    /// # Errors
    ///
    /// If one isn't what was written.
    pub fn recover(&self, files: &mut BTreeMap<String, Mark>) -> anyhow::Result<()> {
        let mut known = BTreeMap::new();
        for file in self.files() {
            let key = key(file);
            let mark = match files.get(&key) {
                Some(mark) => {
                    file.recover(mark)?;
                    mark.clone()
                }
                None => file.begin()?,
            };
            if known.insert(key.clone(), mark).is_some() {
                bail!("two outputs are {key}");
            }
        }
        *files = known;
        Ok(())
    }
}

fn key(file: &Appended) -> String {
    file.path().to_string_lossy().into_owned()
}

impl To {
    fn file(path: &Path, format: Option<Format>) -> anyhow::Result<Self> {
        let shape = Shape::of(format, Some(path))?;
        let absolute = std::path::absolute(path);
        let absolute = absolute.with_context(|| format!("finding {}", path.display()))?;
        Ok(Self::File(Appended::new(PathBuf::from(&absolute), shape)))
    }

    /// Adds rows, and returns how many there were.
    ///
    /// # Errors
    ///
    /// If they can't be had or written; [`Closed`] if nobody reads them.
    pub async fn append(
        &self,
        files: &mut BTreeMap<String, Mark>,
        mut rows: SendableRecordBatchStream,
    ) -> anyhow::Result<u64> {
        let schema = rows.schema();
        match self {
            Self::File(file) => {
                let Some(mark) = files.get_mut(&key(file)) else {
                    bail!("{} was not begun", file.path().display());
                };
                let (grown, count) = file.append(mark, &schema, rows).await?;
                *mark = grown;
                Ok(count)
            }
            Self::Stdout { shape, has_begun } => {
                let (mut lines, mut count) = (Lines::new(*shape), 0);
                if !has_begun.swap(true, Ordering::Relaxed) {
                    print(&lines.header(&schema))?;
                }
                while let Some(batch) = rows.next().await {
                    let batch = batch?;
                    count += batch.num_rows() as u64;
                    print(lines.of(&batch)?)?;
                }
                io::stdout().flush().map_err(|_| Closed)?;
                Ok(count)
            }
        }
    }
}

/// Nobody reads it any more if that fails.
fn print(bytes: &[u8]) -> Result<(), Closed> {
    io::stdout().write_all(bytes).map_err(|_| Closed)
}
