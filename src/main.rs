//! `archiver`: command line, log, configuration, then archive until told to stop; or what another command does.
#![forbid(unsafe_code)]

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use archiver::catalog::{ChoiceError, USUAL_PLACES, usual_config};
use archiver::cli::{Common, UsageError};
use archiver::commands::{
    Cli, Command, capture, cat, check, demo, gaps, ls, reload, replay, status, time, topics,
    verify, watch,
};
use archiver::config::{self, Checked, Config, TypedError};
use archiver::http::{BindError, Bound, Server, Source, status_page};
use archiver::service_manager::ServiceManager;
use archiver::signals::Wishes;
use archiver::source::kafka;
use archiver::supervisor::reload::Reloads;
use archiver::supervisor::{Ended, Supervisor};
use archiver::terminal::Closed;
use archiver::world::broadcast::Broadcast;
use archiver::world::shutdown::{self, Shutdown};
use archiver::{logging, signals};
use clap::Parser;

// Records are allocated in one thread and freed in another, which jemalloc does best; it serves librdkafka too.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// It could not go on.
const FAILED: u8 = 1;
/// Usage or configuration.
const USAGE: u8 = 2;
/// Somebody has stopped it.
const INTERRUPTED: u8 = 130;

/// What can be done where a thread can't be started.
const MORE_THREADS: &str = "raise the limit of processes (ulimit -u)";

fn main() {
    let mut cli = Cli::parse_from(time::readable(std::env::args_os()));
    if cli.common.verbose == 0 {
        cli.common.quiet = cli.common.quiet.max(match &cli.command {
            // What they do is in what they print, and said beside it.
            Some(Command::Capture(_) | Command::Replay(_) | Command::Watch(_)) => 1,
            // What they find is all that they print.
            Some(
                Command::Check(_) | Command::Reload(_) | Command::Status(_) | Command::Topics(_),
            ) => 2,
            _ => 0,
        });
    }
    if let Err(e) = logging::start(&cli.common) {
        let _ = writeln!(
            std::io::stderr(),
            "archiver: starting the log's thread: {e}; {MORE_THREADS}"
        );
        kafka::exit(FAILED);
    }
    let code = match cli.command.unwrap_or(Command::Run) {
        Command::Run => run(&cli.common),
        Command::Status(args) => {
            in_runtime(Wishes::default(), INTERRUPTED, |shutdown| async move {
                let asked = status::run(&cli.common, &args, shutdown.clone());
                match args.watch {
                    // It ends by itself, and leaves the terminal as it was.
                    true => read(asked.await),
                    false => until(shutdown, asked).await,
                }
            })
        }
        Command::Reload(args) => in_runtime(Wishes::default(), INTERRUPTED, |shutdown| {
            until(
                shutdown,
                async move { reload::run(&cli.common, &args).await },
            )
        }),
        Command::Ls(args) => read(ls::run(&cli.common, &args)),
        Command::Cat(args) => read(cat::run(&cli.common, &args)),
        Command::Gaps(args) => read(gaps::run(&cli.common, &args)),
        Command::Verify(args) => read(verify::run(&cli.common, &args)),
        Command::Time(args) => read(time::run(&args)),
        Command::Capture(args) => {
            in_runtime(Wishes::default(), INTERRUPTED, |shutdown| async move {
                read(capture::run(&cli.common, &args, shutdown).await)
            })
        }
        Command::Replay(args) => {
            in_runtime(Wishes::default(), INTERRUPTED, |shutdown| async move {
                read(replay::run(&cli.common, &args, shutdown).await)
            })
        }
        Command::Watch(args) => in_runtime(Wishes::default(), INTERRUPTED, |shutdown| async move {
            read(watch::run(&cli.common, &args, shutdown).await)
        }),
        Command::Check(args) => in_runtime(Wishes::default(), INTERRUPTED, |shutdown| {
            until(
                shutdown,
                async move { check::run(&cli.common, &args).await },
            )
        }),
        Command::Topics(args) => in_runtime(Wishes::default(), INTERRUPTED, |shutdown| {
            until(
                shutdown,
                async move { topics::run(&cli.common, &args).await },
            )
        }),
        Command::Demo => in_runtime(Wishes::default(), FAILED, demo::run),
    };
    logging::finish();
    kafka::exit(code)
}

/// The exit code of a command that only reads, or why it has none. That nobody reads what it prints is no failure.
fn read(done: anyhow::Result<u8>) -> u8 {
    match done {
        Ok(code) => code,
        Err(error) if error.is::<Closed>() => 0,
        Err(error) => {
            logging::complain_of(&error);
            let is_usage =
                error.is::<ChoiceError>() || error.is::<UsageError>() || error.is::<TypedError>();
            match is_usage {
                true => USAGE,
                false => FAILED,
            }
        }
    }
}

/// The same of a command that waits for Kafka, unless somebody stops it.
async fn until(mut shutdown: Shutdown, work: impl Future<Output = anyhow::Result<u8>>) -> u8 {
    tokio::select! {
        biased;
        done = work => read(done),
        () = shutdown.requested() => INTERRUPTED,
    }
}

fn run(common: &Common) -> u8 {
    let Some(path) = find(common) else {
        let places = USUAL_PLACES.join(" and ");
        logging::complain(&format!(
            "archiver: no configuration: {places} don't exist; name one with -c FILE"
        ));
        return USAGE;
    };
    let config = match config::load(&path) {
        Ok(config) => config,
        Err(e) => {
            logging::complain_of(&e.into());
            return USAGE;
        }
    };
    let count = config.archives.len();
    let archives = if count == 1 { "archive" } else { "archives" };
    let source = config::source_name(&path);
    let patterns = match config.patterns.len() {
        0 => String::new(),
        1 => ", 1 pattern".into(),
        count => format!(", {count} patterns"),
    };
    tracing::info!("configuration {source}: {count} {archives}{patterns}");
    // Until here, a signal does what it does to any process: there was nothing to end cleanly.
    let wishes = Wishes {
        reloads: Some(Broadcast::default()),
        ..Wishes::default()
    };
    in_runtime(wishes.clone(), FAILED, |shutdown| {
        archive(path, config, shutdown, wishes)
    })
}

async fn archive(path: PathBuf, config: Checked<Config>, shutdown: Shutdown, wishes: Wishes) -> u8 {
    // Before anything is archived: a port that is taken is a start that failed.
    let bound = match bound(&config) {
        Ok(bound) => bound,
        Err(e) => {
            logging::complain(&format!("archiver: {e}"));
            return FAILED;
        }
    };
    let asked = wishes.reloads.map(|reloads| reloads.listen());
    let supervisor = match Supervisor::begin(&config, &shutdown, wishes.seals) {
        Ok(supervisor) => supervisor,
        Err(e) => {
            logging::complain(&format!("archiver: {e}"));
            return FAILED;
        }
    };
    let reloads = Arc::new(Reloads::new(&supervisor, path, config));
    let serve = |bound| serve(bound, &supervisor, Arc::clone(&reloads));
    let server = match bound.map(serve).transpose() {
        Ok(server) => server,
        Err(e) => {
            logging::complain(&format!(
                "archiver: starting the thread that answers requests: {e}; {MORE_THREADS}"
            ));
            return FAILED;
        }
    };
    let manager = ServiceManager::found();
    if let Some(asked) = asked {
        let manager = manager.clone();
        tokio::spawn(async move { reloads.when(asked, manager).await });
    }
    let ended = supervisor.serve(manager).await;
    // Until now, so that a stop can be watched.
    if let Some(server) = server {
        server.stop();
    }
    match ended {
        Ended::Clean => 0,
        Ended::Unfinished | Ended::Hopeless => FAILED,
    }
}

/// The address on which it answers, if it is to.
fn bound(config: &Config) -> Result<Option<Bound>, BindError> {
    let bind = |http| Bound::bind(http, "[http] listen");
    config.http.as_ref().map(bind).transpose()
}

/// Answers requests about these archives.
fn serve(bound: Bound, supervisor: &Supervisor, reloads: Arc<Reloads>) -> std::io::Result<Server> {
    let (seen, named) = (supervisor.clone(), supervisor.clone());
    let source = Source {
        snapshot: Box::new(move |detail| seen.snapshot(detail)),
        archive: Box::new(move |name| named.archive(name)),
        reload: Arc::new(move || serde_json::to_string(&reloads.foresee()).unwrap_or_default()),
    };
    status_page::serve(bound, source)
}

fn find(common: &Common) -> Option<PathBuf> {
    let typed = common.config.clone();
    typed.or_else(|| usual_config().map(PathBuf::from))
}

/// Runs it with a shutdown that SIGINT and SIGTERM ask for, and what other signals wish. A second signal ends it with the
/// exit code `at_once`.
fn in_runtime<F: Future<Output = u8>>(
    wishes: Wishes,
    at_once: u8,
    work: impl FnOnce(Shutdown) -> F,
) -> u8 {
    let (stopper, shutdown) = shutdown::channel();
    if let Err(e) = signals::listen(stopper, wishes, at_once) {
        logging::complain(&format!(
            "archiver: starting to listen for signals: {e}; {MORE_THREADS}"
        ));
        return FAILED;
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.clamp(2, 4);
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(threads).enable_all();
    let runtime = match try_threads(threads).and_then(|()| builder.build()) {
        Ok(runtime) => runtime,
        Err(e) => {
            logging::complain(&format!(
                "archiver: starting its threads: {e}; {MORE_THREADS}"
            ));
            return FAILED;
        }
    };
    let code = runtime.block_on(work(shutdown));
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
