//! Whether a cluster answers, and if not, why: said once when that changes.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::blocking::blocking;
use super::errors;
use super::native::{Client, Events};
use super::refusals;
use crate::source::cluster::{BrokerCondition, Condition, KafkaError, Trouble};

/// How long nobody may answer until that is said, at the beginning.
const SILENT: Duration = Duration::from_secs(3);
/// How many brokers of one that may be silent are asked.
const ASKED_MOST: usize = 3;
/// How long between two looks at a cluster that is in trouble, and how long each waits.
const LOOK: Duration = Duration::from_secs(1);
/// How long after a cause was said another one is said, in its place. Each one that is said doubles it, so that brokers
/// that go back and forth between two don't fill the log.
const CHANGE: Duration = Duration::from_secs(3);
const CHANGE_MOST: Duration = Duration::from_secs(600);
/// The client repeats what is wrong with a broker every 30 s; when it hasn't for so long, that is over.
const OVER: Duration = Duration::from_secs(75);

/// How long it is remembered that a client couldn't make sense of an answer; it fetches again and again meanwhile.
const GARBLED: Duration = Duration::from_secs(30);

/// What the clients of one cluster have said of it.
pub(super) struct Health {
    name: String,
    state: Mutex<State>,
    changed: tokio::sync::Notify,
}

#[derive(Default)]
struct State {
    /// Why the cluster as a whole can't be used.
    trouble: Option<Said>,
    /// When each broker that couldn't be reached was complained of last.
    brokers: HashMap<String, Instant>,
    /// The last that was heard of what is wrong.
    heard: Option<KafkaError>,
    /// Why each broker's certificate isn't trusted.
    distrusted: HashMap<String, String>,
    /// The last answer that made no sense to a client, and when.
    garbled: Option<(KafkaError, Instant)>,
    /// Nobody has answered a question, and it isn't known whether anybody would.
    is_in_doubt: bool,
    /// For how long each broker that is known has held back answers.
    known: BTreeMap<String, Duration>,
}

impl State {
    /// That a certificate isn't trusted comes without the reason, which was logged before.
    fn with_cause(&self, error: KafkaError) -> KafkaError {
        let (broker, _) = error.text.split_once(": ").unwrap_or_default();
        match self.distrusted.get(broker) {
            Some(why) if refusals::is_distrust(&error.text) => KafkaError {
                kind: Trouble::NotLetIn,
                text: format!("{broker}: {why}"),
            },
            _ => error,
        }
    }
}

/// What is wrong, as it was said.
struct Said {
    error: KafkaError,
    at: Instant,
    /// How long it stays.
    stays: Duration,
}

impl Health {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            state: Mutex::default(),
            changed: tokio::sync::Notify::new(),
        }
    }

    /// A request's failure, with what the clients know of the reason.
    pub fn explain(&self, e: KafkaError) -> KafkaError {
        match (self.known_trouble(), e.kind) {
            (
                Some(trouble),
                Trouble::Unreachable | Trouble::NotLetIn | Trouble::Changing | Trouble::Other,
            ) => trouble,
            _ => e,
        }
    }

    /// What is wrong with the cluster, if anything is.
    pub fn known_trouble(&self) -> Option<KafkaError> {
        let state = self.lock();
        state.trouble.as_ref().map(|said| said.error.clone())
    }

    /// What is wrong with what is read: an answer of the last moments that a client couldn't make sense of, or why the
    /// cluster can't be used.
    pub fn complaint(&self) -> Option<KafkaError> {
        let garbled = self.lock().garbled.clone();
        let garbled = garbled.filter(|(_, at)| at.elapsed() < GARBLED);
        garbled
            .map(|(error, _)| error)
            .or_else(|| self.known_trouble())
    }

    /// Nobody has answered a question in time: whether anybody answers is to be found out. Brokers that are frozen, or
    /// behind a network that swallows all, hang up no connection, and the client itself waits for a minute.
    pub fn doubt(&self) {
        let mut state = self.lock();
        if state.trouble.is_none() {
            state.is_in_doubt = true;
            self.changed.notify_one();
        }
    }

    /// These are its brokers, each called `host:port/number`.
    pub fn knows(&self, brokers: impl IntoIterator<Item = String>) {
        let mut state = self.lock();
        for broker in brokers {
            state.known.entry(broker).or_default();
        }
    }

    /// How the cluster is.
    pub fn condition(&self) -> Condition {
        let state = self.lock();
        let brokers = state.known.iter().map(|(name, throttled)| BrokerCondition {
            name: name.clone(),
            is_up: !state.brokers.keys().any(|broker| node(broker) == name),
            throttled: *throttled,
        });
        Condition {
            name: self.name.clone(),
            trouble: state.trouble.as_ref().map(|said| said.error.text.clone()),
            brokers: brokers.collect(),
        }
    }

    /// Looks for ever whether anybody answers; while anything is wrong, whether it is over.
    pub fn watch(
        self: &Arc<Self>,
        client: &Arc<Client>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (health, client) = (Arc::clone(self), Arc::downgrade(client));
        async move {
            if answers(&client, SILENT).await == Some(false) {
                health.is_silent();
            }
            loop {
                health.changed.notified().await;
                loop {
                    health.settle_doubt(&client).await;
                    if !health.is_hurt() {
                        break;
                    }
                    tokio::time::sleep(LOOK).await;
                    if health.known_trouble().is_some()
                        && answers(&client, LOOK * 2).await == Some(true)
                    {
                        health.lock().trouble = None;
                        tracing::info!("cluster {}: answers", health.name);
                    }
                    health.say_what_has_changed(Instant::now());
                    health.forget_what_is_over();
                }
            }
        }
    }

    /// Finds out whether anybody answers if that is in doubt. Whom the client asks is left to chance, so that with more
    /// than one broker it asks more than once.
    async fn settle_doubt(&self, client: &Weak<Client>) {
        let times = {
            let mut state = self.lock();
            if !std::mem::take(&mut state.is_in_doubt) || state.trouble.is_some() {
                return;
            }
            state.known.len().clamp(1, ASKED_MOST)
        };
        for _ in 0..times {
            if answers(client, SILENT).await != Some(false) {
                return;
            }
        }
        self.is_silent();
    }

    /// Known to be in trouble, it has said why.
    fn is_silent(&self) {
        let mut state = self.lock();
        if state.trouble.is_none() {
            let text = format!("no answer within {} s", SILENT.as_secs());
            let kind = Trouble::Unreachable;
            self.in_trouble(&mut state, KafkaError { kind, text });
        }
    }

    fn is_hurt(&self) -> bool {
        let state = self.lock();
        state.trouble.is_some() || !state.brokers.is_empty()
    }

    /// Says that a broker is in no trouble any more of which nothing was heard for long enough.
    fn forget_what_is_over(&self) {
        let mut state = self.lock();
        state.brokers.retain(|broker, said| {
            let over = said.elapsed() > OVER;
            if over {
                tracing::info!("cluster {}: broker {broker}: no more trouble", self.name);
            }
            !over
        });
    }

    /// Takes note of what keeps the cluster from answering, and says so if that is news.
    fn in_trouble(&self, state: &mut State, error: KafkaError) {
        if state.trouble.is_none() {
            self.say(state, error.clone(), Instant::now(), CHANGE);
            self.changed.notify_one();
        }
        state.heard = Some(error);
    }

    /// Says another cause that was heard since, once the one before has stayed for long enough.
    fn say_what_has_changed(&self, now: Instant) {
        let mut state = self.lock();
        let (Some(said), Some(heard)) = (&state.trouble, &state.heard) else {
            return;
        };
        let stays = now.saturating_duration_since(said.at) < said.stays;
        if stays || cause(heard).eq(cause(&said.error)) {
            return;
        }
        let next = (said.stays * 2).min(CHANGE_MOST);
        let heard = heard.clone();
        self.say(&mut state, heard, now, next);
    }

    fn say(&self, state: &mut State, error: KafkaError, at: Instant, stays: Duration) {
        tracing::warn!("cluster {}: in trouble: {error}; trying again", self.name);
        state.trouble = Some(Said { error, at, stays });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A broker's name without its protocol.
fn node(broker: &str) -> &str {
    broker.rsplit("://").next().unwrap_or(broker)
}

/// Is it about one topic? Whoever reads that says so; the cluster is in no trouble. The client names partitions
/// `topic [number]: what`.
fn is_of_a_topic(error: &KafkaError) -> bool {
    let who = error.text.split_once("]: ").map(|(who, _)| who);
    let partition = who.and_then(|who| who.split_once(" ["));
    let is_of_a_partition = partition.is_some_and(|(_, number)| number.parse::<i32>().is_ok());
    is_of_a_partition || error.kind == Trouble::Missing
}

/// What an error says, less what differs each time: which broker, at which of its addresses, and after how long.
fn cause(error: &KafkaError) -> impl Iterator<Item = &str> {
    let (who, what) = error.text.split_once(": ").unwrap_or(("", &error.text));
    let text = if who.contains('/') { what } else { &error.text };
    let text = text.split(" (after ").next().unwrap_or_default();
    let is_number = |word: &&str| word.contains(|c: char| c.is_ascii_digit());
    text.split(' ').filter(move |word| !is_number(word))
}

/// Does anybody answer in time? Nothing if that can't be asked.
async fn answers(client: &Weak<Client>, within: Duration) -> Option<bool> {
    let client = client.upgrade()?;
    let found = blocking(move || client.brokers(within)).await.ok()?;
    Some(found.is_ok())
}

impl Events for Arc<Health> {
    fn log(&self, level: i32, text: &str) {
        // What matters of it comes as an error too, and is told from there; but for this.
        tracing::debug!(target: "librdkafka", level, "cluster {}: {text}", self.name);
        if let Some(silent) = errors::no_answer(text) {
            self.lock().heard = Some(silent);
        }
        if let Some(hung_up) = refusals::hung_up(text) {
            self.lock().heard = Some(hung_up);
        }
        if let Some((broker, why)) = refusals::distrusted(text) {
            self.lock().distrusted.insert(broker, why);
        }
        if let Some(garbled) = errors::garbled(text) {
            self.lock().garbled = Some((garbled, Instant::now()));
        }
    }

    fn trouble(&self, error: KafkaError) {
        if is_of_a_topic(&error) {
            tracing::debug!("cluster {}: {error}", self.name);
            return;
        }
        let mut state = self.lock();
        let error = state.with_cause(error);
        if matches!(error.kind, Trouble::Unreachable | Trouble::NotLetIn) {
            // `host:port/id: what`; the id is `bootstrap` until the cluster has told it.
            let (broker, what) = error.text.split_once(": ").unwrap_or(("", &error.text));
            let known = state
                .brokers
                .insert(broker.to_owned(), Instant::now())
                .is_some();
            if broker.ends_with("/bootstrap") || broker.is_empty() {
                state.brokers.remove(broker);
            } else if !known {
                state.known.entry(node(broker).to_owned()).or_default();
                tracing::warn!(
                    "cluster {}: broker {broker}: {what}; trying again",
                    self.name
                );
                self.changed.notify_one();
            }
            state.heard = Some(error);
        } else {
            self.in_trouble(&mut state, error);
        }
    }

    fn throttled(&self, broker: &str, by: Duration) {
        *self.lock().known.entry(broker.to_owned()).or_default() += by;
    }

    fn all_down(&self) {
        let mut state = self.lock();
        let unknown = KafkaError {
            kind: Trouble::Unreachable,
            text: "no broker answers".into(),
        };
        let why = state.heard.clone().unwrap_or(unknown);
        self.in_trouble(&mut state, why);
    }
}

#[cfg(test)]
mod tests;
