//! The demonstration: a small Kafka inside this process, a few lively topics, and archiver at its work.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, ThreadedProducer};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::config;
use crate::logging;
use crate::supervisor::{Ended, Supervisor};
use crate::world::broadcast::Broadcast;
use crate::world::clock::{Clock, RealClock};
use crate::world::shutdown::{self, Shutdown};

/// Where it all goes.
const DIR: &str = "demo";
/// Tells a directory that the demonstration made, and may make anew, from somebody else's.
const MARKER: &str = "demo/.made-by-archiver-demo";
const CONFIG: &str = "demo/topics.toml";
const LENGTH: Duration = Duration::from_secs(20);
/// How often something is said, and how often something is produced.
const SAY: Duration = Duration::from_secs(2);
const PRODUCE: Duration = Duration::from_millis(20);

/// Topic, file, records each time that something is produced.
const TOPICS: [(&str, &str, u64); 3] = [
    ("metrics", "metrics.ndjson", 20),
    ("traces", "traces.ndjson.gz", 10),
    ("clicks", "clicks.ndjson.zst", 5),
];

/// Shows archiver at work for a while, or until asked to stop; returns the exit code.
pub async fn run(shutdown: Shutdown) -> u8 {
    match show(shutdown).await {
        Ok(Ended::Clean) => 0,
        Ok(_) => 1,
        Err(e) => {
            logging::complain(&format!("archiver: {e:#}"));
            1
        }
    }
}

async fn show(mut shutdown: Shutdown) -> anyhow::Result<Ended> {
    make_dir()?;
    let kafka = MockCluster::new(1).context("starting the small Kafka inside this process")?;
    for (topic, _, _) in TOPICS {
        kafka
            .create_topic(topic, 3, 1)
            .context("creating a topic")?;
    }
    let brokers = kafka.bootstrap_servers();
    write_config(&brokers)?;
    let config = config::load(Path::new(CONFIG)).map_err(|e| anyhow::anyhow!("{e}"))?;
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", &brokers)
        .set("linger.ms", "5")
        .create()
        .context("starting a producer")?;
    say(&format!(
        "A small Kafka runs inside this process ({brokers}), and a producer fills three topics.\n\
         archiver -c {CONFIG} would do what now happens for {} s, or until Ctrl-C:\n",
        LENGTH.as_secs()
    ));
    let (stopper, stop) = shutdown::channel();
    let supervisor = Supervisor::begin(&config, &stop, Broadcast::default())?;
    let archiving = tokio::spawn(supervisor.clone().run());

    let end = Instant::now() + LENGTH;
    let mut producing = interval(PRODUCE);
    let mut saying = interval(SAY);
    saying.set_missed_tick_behavior(MissedTickBehavior::Delay);
    saying.tick().await;
    let mut produced = 0;
    loop {
        tokio::select! {
            () = sleep_until(end) => break,
            () = shutdown.requested() => break,
            _ = producing.tick() => produced += produce(&producer, produced),
            _ = saying.tick() => {
                let archived = supervisor.counts().records;
                let left = end.duration_since(Instant::now()).as_secs();
                let mut line = format!("{left:>2} s left {produced:>6} produced {archived:>6} archived");
                for (_, file, _) in TOPICS {
                    let bytes = fs::metadata(Path::new(DIR).join(file)).map_or(0, |meta| meta.len());
                    let kind = file.rsplit('.').next().unwrap_or(file);
                    line += &format!(" {kind} {} kB", bytes / 1000);
                }
                say(&line);
            }
        }
    }
    say("\nStopping: what has arrived is written, made durable, and noted in a checkpoint.");
    rdkafka::producer::Producer::flush(&producer, Duration::from_secs(5))
        .context("flushing the producer")?;
    let deadline = Instant::now() + Duration::from_secs(5);
    let archived = || supervisor.counts().records;
    while archived() < produced && Instant::now() < deadline {
        tokio::time::sleep(PRODUCE).await;
    }
    stopper.stop();
    let ended = archiving.await.context("archiving")?;
    conclude(produced, archived());
    // The process ends now; clients that saw it go first would complain.
    std::mem::forget(kafka);
    Ok(ended)
}

fn make_dir() -> anyhow::Result<()> {
    if Path::new(DIR).exists() {
        if !Path::new(MARKER).exists() {
            bail!(
                "./{DIR} exists and was not made by the demonstration; move it away, or start from another directory"
            );
        }
        fs::remove_dir_all(DIR)
            .with_context(|| format!("removing the last demonstration's ./{DIR}"))?;
    }
    fs::create_dir(DIR).with_context(|| format!("creating ./{DIR}"))?;
    fs::write(MARKER, "").with_context(|| format!("writing {MARKER}"))
}

fn write_config(brokers: &str) -> anyhow::Result<()> {
    let mut text = String::from("[defaults]\nstart = \"earliest\"\n");
    for (topic, file, _) in TOPICS {
        text += &format!(
            "\n[[archive]]\nbroker = \"{brokers}\"\ntopic  = \"{topic}\"\nfile   = \"{DIR}/{file}\"\n"
        );
    }
    fs::write(CONFIG, text).with_context(|| format!("writing {CONFIG}"))
}

/// Produces a handful of records for each topic and says how many those were.
fn produce(producer: &ThreadedProducer<DefaultProducerContext>, before: u64) -> u64 {
    let mut count = 0;
    let (now, now_ms) = (RealClock.now(), RealClock.now_ms());
    for (topic, _, records) in TOPICS {
        for _ in 0..records {
            let n = before + count;
            let value = format!(
                r#"{{"n":{n},"at":"{now}","topic":"{topic}","host":"host-{}","value":{},"latency_ms":{:.1}}}"#,
                n % 7,
                (n * 7919) % 1000,
                latency_ms(n, now_ms),
            );
            let key = n.to_string();
            // A full queue leaves a record out of the demonstration, and out of the count.
            if producer
                .send(BaseRecord::to(topic).key(&key).payload(&value))
                .is_ok()
            {
                count += 1;
            }
        }
    }
    count
}

/// How long something takes: it rises and falls every four seconds, some of it takes longer, and for two short times all
/// of it takes far too long.
fn latency_ms(n: u64, now_ms: i64) -> f64 {
    let n = u32::try_from(n).unwrap_or(0);
    let part = n.wrapping_mul(2_654_435_761) >> 16;
    let slower = -6.0 * f64::from(part + 1).log2() + 6.0 * 16.0;
    let turn = u32::try_from(now_ms.rem_euclid(4_000)).unwrap_or(0);
    let turn = f64::from(turn) / 4_000.0 * std::f64::consts::TAU;
    let usual = 40.0 + 12.0 * turn.sin() + slower;
    match n {
        12_000..12_350 | 22_000..22_700 => usual + 70.0,
        _ => usual,
    }
}

fn conclude(produced: u64, archived: u64) {
    say(&format!(
        "\n{produced} records produced, {archived} archived. What is where:\n\
         \x20 {DIR}/metrics.ndjson      one record a line, as it came\n\
         \x20 {DIR}/traces.ndjson.gz    the same, in gzip members\n\
         \x20 {DIR}/clicks.ndjson.zst   the same, in zstd frames\n\
         \x20 {DIR}/.archiver/          a checkpoint and a lock for each archive\n\
         \x20 {CONFIG}         the configuration that did it\n\
         \n\
         What to type next:\n\
         \x20 tail -3 {DIR}/metrics.ndjson\n\
         \x20 zcat {DIR}/traces.ndjson.gz | wc -l\n\
         \x20 zstd -dc {DIR}/clicks.ndjson.zst | head -3\n\
         \x20 $EDITOR topics.toml        with your own brokers and topics, see config.example.toml\n\
         \x20 archiver -c topics.toml"
    ));
}

/// The demonstration talks on standard output; if nobody listens, it goes on all the same.
fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}
