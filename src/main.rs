//! `archiver`: command line, log, configuration, then archive until told to stop.

use std::path::{Path, PathBuf};

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
        Command::Run => run(&cli.common),
        Command::Demo => in_runtime(demo::run),
    };
    kafka::exit(code)
}

fn run(common: &Common) -> u8 {
    let Some(path) = find(common) else {
        let places = USUAL_PLACES.join(" and ");
        eprintln!("archiver: no configuration: {places} don't exist; name one with -c FILE");
        return USAGE;
    };
    let config = match config::load(&path) {
        Ok(config) => config,
        Err(e) => {
            let said = e.to_string();
            // A report of many lines has its own form.
            let prefix = if said.contains('\n') {
                ""
            } else {
                "archiver: "
            };
            eprintln!("{prefix}{said}");
            return USAGE;
        }
    };
    let archives = config.archives.len();
    tracing::info!("configuration {}: {archives} archives", path.display());
    in_runtime(|shutdown| async move {
        let supervisor = Supervisor::start(&config, &shutdown);
        match supervisor.run(shutdown).await {
            Ended::Clean => 0,
            Ended::Unfinished | Ended::Hopeless => FAILED,
        }
    })
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
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.clamp(2, 4))
        .max_blocking_threads(8)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(e) => {
            eprintln!("archiver: starting its threads: {e}");
            return FAILED;
        }
    };
    let (stopper, shutdown) = shutdown::channel();
    let code = runtime.block_on(async move {
        if let Err(e) = listen(stopper) {
            eprintln!("archiver: listening for signals: {e}");
            return FAILED;
        }
        work(shutdown).await
    });
    // Its blocking threads may be held up by a disk; the process's end takes them along.
    runtime.shutdown_background();
    code
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
