//! Flags that commands have in common: which archives, which of their records, how much memory, and what is printed.

use std::path::PathBuf;

use archiver::cli::Common;
use archiver::config::parse_size;
use archiver::moment::Moment;
use archiver::world::clock::{Clock, RealClock};
use archiver_format::read::Selection;

use crate::engine::{Engine, Settings};
use crate::output::Format;
use crate::table::declared::Declared;

/// Which archives, and how they are read.
#[derive(Debug, clap::Args)]
pub struct Read {
    /// Only records with this timestamp or a later one
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    since: Option<Moment>,
    /// Only records with a timestamp before this one
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: Option<Moment>,
    /// What a field holds, if the first values don't show it: boolean, integer, number or text
    #[arg(long = "field", value_name = "FIELD=KIND")]
    declared: Vec<Declared>,
    #[command(flatten)]
    resources: Resources,
}

/// What a command may take, and what it leaves out.
#[derive(Debug, clap::Args)]
pub struct Resources {
    /// So much memory for what a query holds; the rest goes to temporary files
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = memory)]
    pub memory: usize,
    /// Go on where segments are damaged, without what can't be read of them, and name them
    #[arg(long)]
    pub skip_damaged: bool,
}

impl Read {
    /// The engine with these archives and files as tables.
    pub async fn engine(&self, common: &Common, words: &[String]) -> anyhow::Result<Engine> {
        self.engine_with(common, words, &self.selection()).await
    }

    /// The same with this selection of their records.
    pub async fn engine_with(
        &self,
        common: &Common,
        words: &[String],
        selection: &Selection,
    ) -> anyhow::Result<Engine> {
        Engine::open(common.config.as_deref(), words, selection, self.settings()).await
    }

    /// The same with columns by all records, also those that aren't selected: what is made by them holds what comes later.
    pub async fn engine_by_all(
        &self,
        common: &Common,
        words: &[String],
        selection: &Selection,
    ) -> anyhow::Result<Engine> {
        let settings = Settings {
            samples_all: true,
            ..self.settings()
        };
        Engine::open(common.config.as_deref(), words, selection, settings).await
    }

    /// Which records are wanted, where it is now as late as it is.
    pub fn selection(&self) -> Selection {
        let now_ms = RealClock.now_ms();
        Selection {
            since_ms: self.since.map(|moment| moment.ms(now_ms)),
            until_ms: self.until.map(|moment| moment.ms(now_ms)),
            ..Selection::default()
        }
    }

    /// The timestamp from which on records are wanted, in milliseconds since 1970.
    pub fn since_ms(&self) -> Option<i64> {
        self.since.map(|moment| moment.ms(RealClock.now_ms()))
    }

    /// How the engine works.
    pub fn settings(&self) -> Settings {
        Settings {
            memory_bytes: self.resources.memory,
            skips_damaged: self.resources.skip_damaged,
            declared: self.declared.clone(),
            samples_all: false,
        }
    }
}

/// What is printed, and where.
#[derive(Debug, clap::Args)]
pub struct Print {
    /// How the answer is written; a table on a terminal, else CSV
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// Write the answer to this file
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// The least that a query may have: below it, the engine can't even sort.
const MEMORY_LEAST: u64 = 16 << 20;

fn memory(text: &str) -> Result<usize, String> {
    let bytes = parse_size(text).ok_or("not a size; write 512MiB or 2GiB")?;
    if bytes < MEMORY_LEAST {
        return Err("less than 16MiB, which is the least".into());
    }
    usize::try_from(bytes).map_err(|e| e.to_string())
}
