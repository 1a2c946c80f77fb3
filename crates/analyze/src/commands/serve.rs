//! `archiver-analyze serve`: a page of results, and what it asks for, over HTTP.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow};
use archiver::cli::{Common, usage};
use archiver::config::{Http, Listen, Token};
use archiver::http::Bound;
use archiver::signals::{self, Wishes};
use archiver::world::shutdown;

use super::common::Resources;
use super::complain::complain;
use super::exit::INTERRUPTED;
use crate::definition::length::Length;
use crate::engine::Settings;
use crate::serve::{Analyses, Catalog, Limits, Models, Routes};
use crate::table::declared::Declared;

/// What is served, to whom, and how much one may ask for.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct Args {
    /// Archives of the configuration, state directories, directories with .archiver in them, or files (of archives, or NDJSON, CSV, Parquet); else all archives
    #[arg(value_name = "NAME|PATH")]
    archives: Vec<String>,
    /// Analyses of this file too, as `run` has them
    #[arg(long, value_name = "FILE")]
    analyses: Option<PathBuf>,
    /// Models in this directory too, as `train` writes them: NAME.json
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Where it answers: an address and a port, or the path of a socket
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9465")]
    listen: Listen,
    /// The secret in this file must come with each request; needed on an address that others can reach
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Answer SQL from outside, too: whole queries, and filters
    #[arg(long)]
    allow_sql: bool,
    /// So long a question may take to be answered
    #[arg(long, value_name = "DURATION", default_value = "30s")]
    timeout: Length,
    /// So many rows an answer has at most
    #[arg(long, value_name = "NUMBER", default_value_t = 100_000, value_parser = rows)]
    rows: usize,
    /// What a field holds, if the first values don't show it: boolean, integer, number or text
    #[arg(long = "field", value_name = "FIELD=KIND")]
    declared: Vec<Declared>,
    #[command(flatten)]
    resources: Resources,
}

const AFTER: &str = "\
http://127.0.0.1:9465/ is the page, /api/v1/openapi.json says what can be asked
besides. Nothing here changes anything. All questions together have --memory;
two are answered at once.

    archiver-analyze serve -c topics.toml --analyses analysis.toml";

/// A longer time than anybody waits.
const TIMEOUT_MOST: Duration = Duration::from_hours(1);

/// Answers until SIGINT or SIGTERM.
///
/// # Errors
///
/// If something that was named isn't there, or it can't listen.
pub async fn run(common: &Common, args: &Args) -> anyhow::Result<()> {
    if args.timeout.0.is_zero() || args.timeout.0 > TIMEOUT_MOST {
        return Err(usage("--timeout is not between a millisecond and an hour").into());
    }
    let (stopper, mut shutdown) = shutdown::channel();
    signals::listen(stopper, Wishes::default(), INTERRUPTED)
        .context("starting to listen for signals")?;
    let http = args.http()?;
    let analyses = Analyses(args.analyses.clone());
    let catalog = Catalog::new(
        common.config.clone(),
        args.archives.clone(),
        analyses.clone(),
    );
    let settings = Settings {
        memory_bytes: args.resources.memory,
        skips_damaged: args.resources.skip_damaged,
        declared: args.declared.clone(),
        samples_all: false,
    };
    let limits = Limits {
        allows_sql: args.allow_sql,
        timeout: args.timeout.0,
        rows: args.rows,
    };
    let routes = Routes::new(
        http.clone(),
        catalog,
        (analyses, Models(args.models.clone())),
        (settings, limits),
    )?;
    let bound = Bound::bind(&http, "--listen")?;
    let listen = bound.listen().to_string();
    let server = bound
        .serve(routes, std::future::ready(()))
        .context("starting the thread that answers; raise the limit of processes (ulimit -u)")?;
    complain(&format!("answering on {listen}"));
    shutdown.requested().await;
    server.stop();
    Ok(())
}

impl Args {
    fn http(&self) -> anyhow::Result<Http> {
        let token = self.token_file.as_ref().map(|path| {
            let read = Token::read(path);
            read.map_err(|why| anyhow!("reading the token in {}: {why}", path.display()))
        });
        let token = token.transpose()?;
        if token.is_none() && !self.listen.is_local() {
            return Err(usage(
                "others than this machine could ask here, and nothing would keep them out: listen on 127.0.0.1, or name \
                 a --token-file (openssl rand -hex 32 makes a token)",
            )
            .into());
        }
        Ok(Http {
            listen: self.listen.clone(),
            token,
        })
    }
}

fn rows(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(rows @ 1..=10_000_000) => Ok(rows),
        _ => Err("must be a number from 1 to 10000000".to_owned()),
    }
}
