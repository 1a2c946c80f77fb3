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
                while health.is_hurt() {
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
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::source::kafka::tests::{LONG, mock};

    fn client(health: &Arc<Health>, brokers: &str) -> Arc<Client> {
        let properties = [("bootstrap.servers", brokers)];
        Client::new(properties, Box::new(Arc::clone(health))).expect("a client")
    }

    fn unreachable(text: &str) -> KafkaError {
        KafkaError {
            kind: Trouble::Unreachable,
            text: text.into(),
        }
    }

    #[tokio::test]
    async fn a_port_that_takes_connections_and_never_answers_is_trouble() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let silent = listener.local_addr().expect("an address").to_string();
        let health = Arc::new(Health::new("silent"));
        let client = client(&health, &silent);
        tokio::spawn(health.watch(&client));
        let deadline = Instant::now() + LONG;
        while health.known_trouble().is_none() {
            assert!(Instant::now() < deadline, "it is not said");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let explained = health.explain(unreachable("a question that was given up"));
        assert_eq!(explained.text, "no answer within 3 s");
    }

    #[tokio::test]
    async fn a_cluster_that_answers_is_in_no_trouble_any_more() {
        let mock = mock(&[], 0);
        let health = Arc::new(Health::new("mock"));
        let client = client(&health, &mock.bootstrap_servers());
        tokio::spawn(health.watch(&client));
        health.trouble(KafkaError {
            kind: Trouble::Denied,
            text: "not yet".into(),
        });
        assert!(health.is_hurt());
        let deadline = Instant::now() + LONG;
        while health.known_trouble().is_some() {
            assert!(Instant::now() < deadline, "it is not over");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(!health.is_hurt());
    }

    #[test]
    fn each_broker_is_known_once_however_it_is_called() {
        let health = Arc::new(Health::new("three"));
        health.knows(["host:9092/1".into(), "host:9092/2".into()]);
        health.trouble(unreachable("sasl_ssl://host:9092/1: refused"));
        health.throttled("host:9092/2", Duration::from_millis(70));
        let brokers = health.condition().brokers.into_iter();
        let brokers = brokers.map(|of| (of.name, of.is_up, of.throttled.as_millis()));
        let expected = [("host:9092/1", false, 0), ("host:9092/2", true, 70)];
        let expected = expected.map(|(name, up, ms)| (name.to_owned(), up, ms));
        assert_eq!(brokers.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn an_answer_that_makes_no_sense_is_complained_of() {
        let health = Arc::new(Health::new("garbled"));
        assert!(health.complaint().is_none());
        health.log(
            3,
            "[thrd:host:1/2]: host:1/2: Protocol parse failure for Fetch v16(flex) at 20/90 \
             (rd_kafka_fetch_reply_handle:800) (incorrect broker.version.fallback?)",
        );
        let complaint = health.complaint().expect("a complaint");
        assert!(complaint.is_corrupt());
        let expected = "host:1/2: the client can't make sense of the answer to Fetch v16(flex)";
        assert_eq!(complaint.text, expected);
        let other = Arc::new(Health::new("other"));
        other.log(
            3,
            "host:1/2: Protocol parse failure for Metadata v9 at 20/90 (f:1)",
        );
        assert!(other.complaint().is_none());
    }

    #[test]
    fn another_cause_is_said_after_a_while_and_brokers_between_two_do_not_fill_the_log() {
        let health = Arc::new(Health::new("changing"));
        let causes = [
            "host:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)",
            "host:2/2: Connect to ipv6#[::1]:2 failed: Connection refused (after 7ms in state CONNECT, 1 identical)",
            "host:1/bootstrap: Disconnected",
        ];
        let said = || health.known_trouble().map(|e| e.text).expect("in trouble");
        health.trouble(unreachable(causes[0]));
        health.all_down();
        let begun = Instant::now();
        let after = |seconds| begun + Duration::from_secs(seconds);
        health.trouble(unreachable(causes[1]));
        health.say_what_has_changed(after(5));
        assert_eq!(said(), causes[0], "it is the same");
        health.trouble(unreachable(causes[2]));
        health.say_what_has_changed(after(1));
        assert_eq!(said(), causes[0], "it has just been said");
        health.say_what_has_changed(after(5));
        assert_eq!(said(), causes[2]);
        let (mut lines, mut before) = (0, said());
        for second in 6..3_600 {
            health.trouble(unreachable(causes[if second % 2 == 0 { 0 } else { 2 }]));
            health.say_what_has_changed(after(second));
            lines += u32::from(said() != before);
            before = said();
        }
        assert!((10..20).contains(&lines), "{lines} lines in an hour");
    }

    #[test]
    fn a_broker_that_is_away_is_looked_after_without_the_cluster_s_being_in_trouble() {
        let health = Arc::new(Health::new("three"));
        assert!(!health.is_hurt());
        health.trouble(unreachable("host:9092/bootstrap: refused"));
        assert!(!health.is_hurt());
        health.trouble(unreachable("host:9092/1: refused"));
        assert!(health.is_hurt());
        assert!(health.known_trouble().is_none());
        health.all_down();
        let trouble = health.known_trouble().map(|e| e.text);
        assert_eq!(trouble.as_deref(), Some("host:9092/1: refused"));
    }
}
