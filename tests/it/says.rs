//! What archiver's messages must say, whatever their words.

use std::fmt;

use crate::archiver::Ended;

/// One of each of these groups of phrases must stand in the message, in any case.
#[derive(Clone)]
pub struct Says(Vec<Vec<String>>);

impl Says {
    fn new(facts: &[&str], words: &[&str]) -> Self {
        let mut groups: Vec<_> = facts.iter().map(|fact| vec![fact.to_lowercase()]).collect();
        if !words.is_empty() {
            groups.push(words.iter().map(|word| word.to_lowercase()).collect());
        }
        Self(groups)
    }

    pub fn matches(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.0
            .iter()
            .all(|group| group.iter().any(|phrase| text.contains(phrase)))
    }

    /// Fails the test unless a line of what was said before the end says it.
    #[track_caller]
    pub fn assert_in(&self, ended: &Ended) {
        let said = ended.stderr.lines().any(|line| self.matches(line));
        assert!(said, "no line says {self}:\n{}", ended.stderr);
    }
}

impl fmt::Display for Says {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups: Vec<_> = self.0.iter().map(|group| group.join(" or ")).collect();
        write!(f, "({})", groups.join(") and ("))
    }
}

/// Its start is decided, and stays so.
pub fn running(archive: &str) -> Says {
    Says::new(&[archive, "running"], &[])
}

pub fn stopping() -> Says {
    Says::new(&[], &["stopping"])
}

/// Lines of the log that didn't fit while nobody read it.
pub fn dropped() -> Says {
    Says::new(
        &["lines of the log", "standard error"],
        &["dropped", "lost"],
    )
}

/// A RUST_LOG that says nothing of archiver's log.
pub fn ignored_filter(rust_log: &str) -> Says {
    Says::new(&["RUST_LOG", rust_log, "ignored"], &[])
}

pub fn left_behind(archive: &str, records: usize) -> Says {
    Says::new(&[archive, &records.to_string(), "earliest"], &[])
}

pub fn waits_for_topic(topic: &str) -> Says {
    let words = [
        "not exist",
        "doesn't exist",
        "unknown topic",
        "no such topic",
        "missing",
    ];
    Says::new(&[topic], &words)
}

/// A pattern has found nothing to archive.
pub fn waits_for_any_topic(pattern: &str) -> Says {
    Says::new(&[pattern, "no topic matches", "waiting"], &[])
}

pub fn stopped(archive: &str) -> Says {
    Says::new(&[archive, "stopped: "], &[])
}

pub fn new_topic(pattern: &str, topic: &str) -> Says {
    Says::new(&[pattern, "new topic", topic], &[])
}

/// A topic of a pattern has no archive.
pub fn not_archived(topic: &str, why: &str) -> Says {
    Says::new(&[topic, "is not archived", why], &[])
}

/// An earlier pattern has the topic.
pub fn matched_by_both(first: &str, second: &str, topic: &str) -> Says {
    Says::new(&[first, second, topic, "comes first"], &[])
}

pub fn not_permitted(archive: &str) -> Says {
    Says::new(
        &[archive],
        &["authoriz", "authoris", "permi", "not allowed"],
    )
}

pub fn not_authenticated() -> Says {
    Says::new(&[], &["authenticat"])
}

pub fn broker_down(broker: &str) -> Says {
    let words = [
        "down",
        "unreachable",
        "disconnect",
        "lost",
        "refused",
        "not reachable",
    ];
    Says::new(&[broker], &words)
}

/// No broker can be used.
pub fn cluster_down() -> Says {
    Says::new(&["cluster", "in trouble"], &[])
}

/// It can be used again.
pub fn cluster_up() -> Says {
    Says::new(&["cluster", ": answers"], &[])
}

/// Why a cluster can't be used.
pub fn in_trouble(cluster: &str, facts: &[&str]) -> Says {
    let which = format!("cluster {cluster}: in trouble: ");
    Says::new(&[&[which.as_str()], facts].concat(), &[])
}

/// Why an archive waits for its cluster.
pub fn waits_for_cluster(archive: &str, facts: &[&str]) -> Says {
    let which = format!("archive {archive}: waiting: ");
    Says::new(&[&[which.as_str()], facts].concat(), &[])
}

/// By so many seconds, forward or back.
pub fn clock_set(seconds: i64) -> Says {
    let by = format!("{} s", seconds.abs());
    let way = if seconds < 0 { "back" } else { "forward" };
    Says::new(&["the clock", way, &by], &[])
}

/// Where there are too few threads: the process, or the archive that waits for one; or that there are enough.
pub fn lacks_threads_or_runs(archive: &str) -> Says {
    let waiting = format!("archive {archive}: waiting: ");
    let running = format!("archive {archive}: running");
    Says::new(&[], &["archiver: starting", &waiting, &running])
}

/// Something answers at this address, and it isn't Kafka.
pub fn not_kafka(address: &str, begins: &str) -> Says {
    Says::new(&[address, begins, "isn't Kafka", "right port"], &[])
}

/// Nothing listens.
pub fn refuses() -> Says {
    Says::new(&["in trouble", "connection refused"], &[])
}

/// Something listens and says nothing.
pub fn silent() -> Says {
    Says::new(&["in trouble", "no answer within"], &[])
}

/// The cluster isn't the one that the checkpoint speaks of.
pub fn stopped_elsewhere(archive: &str) -> Says {
    Says::new(&[archive, "stopped", "is of cluster", "is cluster"], &[])
}

pub fn too_short(file: &str, expected: u64, found: u64) -> Says {
    Says::new(&[file, &expected.to_string(), &found.to_string()], &[])
}

pub fn not_what_was_written(file: &str) -> Says {
    Says::new(
        &[file],
        &["other bytes", "differ", "changed", "altered", "fingerprint"],
    )
}

pub fn file_missing(file: &str) -> Says {
    Says::new(
        &[file],
        &[
            "missing",
            "gone",
            "not exist",
            "doesn't exist",
            "no such file",
        ],
    )
}

/// A checkpoint that isn't this archive's, by what tells.
pub fn refused(archive: &str, facts: &[&str]) -> Says {
    Says::new(&[&[archive, "checkpoint"], facts].concat(), &[])
}

pub fn damaged_checkpoint(archive: &str) -> Says {
    let words = [
        "damaged",
        "corrupt",
        "can't be read",
        "cannot be read",
        "invalid",
        "broken",
    ];
    Says::new(&[archive, "checkpoint"], &words)
}

/// A file that somebody else has cut or written to while it was open.
pub fn file_changed(file: &str, expected: u64, found: u64) -> Says {
    let (expected, found) = (format!("{expected} bytes"), format!("{found} bytes"));
    Says::new(&[file, &expected, &found, "somebody else"], &[])
}

/// Another file in an open one's place.
pub fn other_file(file: &str, bytes: usize) -> Says {
    Says::new(&[file, "another file", &format!("{bytes} bytes")], &[])
}

/// An open file that has no name any more.
pub fn no_file(file: &str) -> Says {
    Says::new(&[file, "no file"], &[])
}

pub fn stopped_until_put_back(file: &str, length: u64) -> Says {
    let length = format!("byte {length}");
    Says::new(&["stopped", file, &length, "put the file back"], &[])
}

pub fn checkpoint_gone(archive: &str) -> Says {
    Says::new(
        &[archive, "stopped", "checkpoint", "gone", "put it back"],
        &[],
    )
}

pub fn link_to_nowhere(file: &str) -> Says {
    Says::new(&[file, "link", "create"], &[])
}

/// At the end of a clean stop.
pub fn had_stopped(archive: &str) -> Says {
    Says::new(&[archive, "had stopped before"], &[])
}

pub fn file_exists(file: &str) -> Says {
    Says::new(
        &[file, "bring the checkpoint back", ".archiver", "append"],
        &[],
    )
}

/// By another archiver.
pub fn owned_by(archive: &str, pid: u32) -> Says {
    let says = format!("another process (pid {pid}, archiver), most likely with the same archive");
    Says::new(&[archive, "stopped", &says], &[])
}

/// By a process of this name, which is not archiver.
pub fn owned_by_program(archive: &str, pid: u32, name: &str) -> Says {
    let says = format!("another process (pid {pid}, {name}); stop that one first");
    Says::new(&[archive, "stopped", &says], &[])
}

/// By a process that can't be told from here.
pub fn owned_elsewhere(archive: &str) -> Says {
    Says::new(&[archive, "stopped", "another process"], &["container"])
}

/// Offsets from the first that is missing to the next that isn't, or in words, to the last.
pub fn gap(archive: &str, from: i64, to: i64) -> Says {
    let (last, to) = ((to - 1).to_string(), to.to_string());
    Says::new(&[archive, &from.to_string()], &[&last, &to])
}

/// Nothing comes, because of what the brokers answer.
pub fn stalled(archive: &str) -> Says {
    Says::new(&[archive, "stalled", "sense", "Fetch"], &[])
}

/// Retention will overtake it, in a time that is said.
pub fn overtaken_soon(archive: &str) -> Says {
    Says::new(&[archive, "in about", "retention"], &[])
}

/// There is less free than is to be left to others.
pub fn disk_low(archive: &str) -> Says {
    Says::new(&[archive, "waiting", "disk_free"], &[])
}

/// A partition that can't be read because of what Kafka holds there.
pub fn corrupt(archive: &str, partition: i32, offset: i64) -> Says {
    let (partition, offset) = (
        format!("partition {partition} "),
        format!("offset {offset}:"),
    );
    Says::new(&[archive, &partition, &offset, "corrupt"], &[])
}

/// What is cut off, as it may be of a topic that is gone.
pub fn kept_beside(file: &str) -> Says {
    Says::new(&[file, "unverified-"], &["are kept", "is kept"])
}

pub fn recreated(archive: &str) -> Says {
    Says::new(&[archive], RECREATED)
}

/// What the reason of a gap says when the topic is another one.
pub const RECREATED: &[&str] = &[
    "re-created",
    "recreated",
    "another topic",
    "topic id",
    "new topic",
];

/// What the reason of a gap says when Kafka has deleted the records.
pub const EXPIRED: &[&str] = &[
    "expired",
    "deleted",
    "retention",
    "log start",
    "log's start",
];

pub fn reason(words: &[&str]) -> Says {
    Says::new(&[], words)
}

pub fn disk_full(archive: &str) -> Says {
    Says::new(
        &[archive],
        &["no space left", "storage full", "disk full", "disk is full"],
    )
}

/// A file has reached the limit that the process was given.
pub fn file_too_large(archive: &str, file: &str) -> Says {
    Says::new(&[archive, "waiting", file, "file too large"], &[])
}

pub fn disk_hangs(archive: &str, file: &str) -> Says {
    Says::new(
        &[archive, "waiting", file, "has not answered for 10 s"],
        &[],
    )
}

/// A fault in the program, which a watchdog is to end.
pub fn stands_still(archive: &str) -> Says {
    Says::new(&["standing still", archive, "watchdog"], &[])
}

pub fn totals() -> Says {
    Says::new(&["totals: "], &[])
}

/// At the end of a stop, of a disk that the process can't leave.
pub fn held_by_disk(archive: &str, file: &str) -> Says {
    let says = "has not answered; this process can't vanish before it does";
    Says::new(&[archive, "error", file, says], &[])
}

/// How many archives wait, in the totals.
pub fn totals_waiting(archives: usize) -> Says {
    Says::new(&["totals", &format!("{archives} waiting")], &[])
}

/// At the end of a stop that came too late for something.
pub fn not_stopped(archive: &str, seconds: u64) -> Says {
    Says::new(&[archive, &format!("not stopped within {seconds} s")], &[])
}

/// At the end of a stop that has left something in Kafka only.
pub fn left_unwritten(archive: &str) -> Says {
    Says::new(&[archive, "not in their files", "read again"], &[])
}

/// A record for which the memory that was allowed is too little.
pub fn large_record(archive: &str, offset: i64) -> Says {
    let offset = format!("offset {offset} ");
    Says::new(&[archive, &offset, "memory = \""], &[])
}

pub fn read_only(archive: &str) -> Says {
    Says::new(&[archive, "read-only file system"], &[])
}

/// A segment's command has failed, for this reason.
pub fn not_handed_over(archive: &str, why: &str) -> Says {
    Says::new(&[archive, "on_seal", why, "trying again"], &[])
}

pub fn hands_over_again(archive: &str) -> Says {
    Says::new(&[archive, "on_seal", "goes on"], &[])
}

/// Nobody knows which segments were handed over.
pub fn all_handed_over_again(archive: &str, segments: usize) -> Says {
    let all = format!("all {segments} sealed");
    Says::new(&[archive, "on_seal", "handed-over.json", &all], &[])
}

/// A segment is not there any more.
pub fn left_out(archive: &str, file: &str) -> Says {
    Says::new(&[archive, "on_seal", file, "left out"], &[])
}

pub fn newline_in_value(archive: &str, partition: i32, offset: i64) -> Says {
    Says::new(
        &[archive, &partition.to_string(), &offset.to_string()],
        &["newline"],
    )
}

pub fn uses_config(file: &str) -> Says {
    Says::new(&[file], &[])
}

/// A mistake in a configuration, by the phrases that name it.
pub fn mistake(facts: &[&str]) -> Says {
    Says::new(facts, &[])
}

/// Requests are answered.
pub fn answering() -> Says {
    Says::new(&["answering on"], &[])
}

/// Somebody else listens where requests were to be answered.
pub fn port_taken(address: &str) -> Says {
    Says::new(&[address, "[http] listen", "taken"], &[])
}
