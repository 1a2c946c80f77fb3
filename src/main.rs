//! `archiver`: command line, log, configuration, then archive until told to stop.
#![forbid(unsafe_code)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use archiver::cli::{Cli, Command, Common};
use archiver::config;
use archiver::shutdown::{self, Shutdown, Stopper};
use archiver::supervisor::{Ended, Supervisor};
use archiver::{demo, kafka, logging};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

// Records are allocated in one thread and freed in another, which jemalloc does best; it serves librdkafka too.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// It could not go on.
const FAILED: u8 = 1;
/// Usage or configuration.
const USAGE: u8 = 2;

/// Looked for, in this order, when `-c` is left out.
const USUAL_PLACES: [&str; 2] = ["./topics.toml", "/etc/archiver/topics.toml"];

fn main() {
    let cli = Cli::parse();
    logging::start(&cli.common);
    let code = match cli.command.unwrap_or(Command::Run) {
        Command::Run => in_runtime(|shutdown| run(&cli.common, shutdown)),
        Command::Demo => in_runtime(demo::run),
    };
    kafka::exit(code)
}

async fn run(common: &Common, shutdown: Shutdown) -> u8 {
    let Some(path) = find(common) else {
        let places = USUAL_PLACES.join(" and ");
        complain(&format!(
            "archiver: no configuration: {places} don't exist; name one with -c FILE"
        ));
        return USAGE;
    };
    let config = match config::load(&path) {
        Ok(config) => config,
        Err(e) => {
            let said = e.to_string();
            // A report of many lines has its own form.
            let one_line = !said.contains('\n');
            complain(&if one_line {
                format!("archiver: {said}")
            } else {
                said
            });
            return USAGE;
        }
    };
    let count = config.archives.len();
    let archives = if count == 1 { "archive" } else { "archives" };
    tracing::info!("configuration {}: {count} {archives}", path.display());
    let supervisor = Supervisor::start(&config, &shutdown);
    match supervisor.run(shutdown).await {
        Ended::Clean => 0,
        Ended::Unfinished | Ended::Hopeless => FAILED,
    }
}

/// To standard error; if nobody listens, the exit code says it all the same.
fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn find(common: &Common) -> Option<PathBuf> {
    let usual = || {
        USUAL_PLACES
            .iter()
            .map(Path::new)
            .find(|path| path.exists())
    };
    common
        .config
        .clone()
        .or_else(|| usual().map(Path::to_owned))
}

/// Runs it with a shutdown that SIGINT and SIGTERM ask for.
fn in_runtime<F: Future<Output = u8>>(work: impl FnOnce(Shutdown) -> F) -> u8 {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.clamp(2, 4);
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(threads).enable_all();
    let runtime = match try_threads(threads).and_then(|()| builder.build()) {
        Ok(runtime) => runtime,
        Err(e) => {
            complain(&format!(
                "archiver: starting its threads: {e}; raise the limit of processes (ulimit -u)"
            ));
            return FAILED;
        }
    };
    let (stopper, shutdown) = shutdown::channel();
    let code = runtime.block_on(async move {
        if let Err(e) = listen(stopper) {
            complain(&format!("archiver: listening for signals: {e}"));
            return FAILED;
        }
        work(shutdown).await
    });
    // Its blocking threads may be held up by a disk; the process's end takes them along.
    runtime.shutdown_background();
    code
}

/// Starts and ends so many threads: where there can't be as many, the runtime would panic.
fn try_threads(threads: usize) -> std::io::Result<()> {
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock();
    let start = |_| {
        let gate = Arc::clone(&gate);
        std::thread::Builder::new().spawn(move || drop(gate.lock()))
    };
    let started = (0..threads).map(start).collect::<Vec<_>>();
    drop(closed);
    for thread in started {
        let _ = thread?.join();
    }
    Ok(())
}

fn listen(stopper: Stopper) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = interrupt.recv() => "SIGINT",
                _ = terminate.recv() => "SIGTERM",
            }
        };
        let first = next().await;
        tracing::info!("{first}: stopping; a second signal stops at once");
        stopper.stop();
        let second = next().await;
        tracing::warn!(
            "{second}: stopping at once; the next start goes on from the last checkpoints"
        );
        kafka::exit(FAILED);
    });
    Ok(())
}
