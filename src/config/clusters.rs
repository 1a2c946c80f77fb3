//! Clusters: those with a table, and those that are only a bootstrap list.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;

use super::broker::{self, Bootstrap};
use super::problem::{Problem, Text};
use super::raw::{Raw, RawCluster};
use super::walk::Walker;
use super::{Cluster, keys, name, properties};

const CONNECTIONS_MAX: i64 = 64;
const SECURITY_PROTOCOL: &str = "security.protocol";

/// The clusters of one configuration.
pub(super) struct Clusters {
    /// By the table's name; `None` if something is wrong with it.
    tables: BTreeMap<String, Option<Cluster>>,
    /// For every cluster.
    properties: BTreeMap<String, String>,
    used: Vec<Cluster>,
    /// Indices into `used`.
    by_table: HashMap<String, usize>,
    by_list: HashMap<String, usize>,
}

impl Clusters {
    /// Checks the tables, also those that no archive names.
    pub fn check(walker: &mut Walker<'_>, raw: &Raw) -> Clusters {
        let shared = properties::check(walker, &raw.kafka);
        let mut tables = BTreeMap::new();
        for typed in &raw.clusters {
            let cluster = check_table(walker, typed, &shared);
            tables.insert(typed.name.value.clone(), cluster);
        }
        Clusters {
            tables,
            properties: shared,
            used: Vec::new(),
            by_table: HashMap::new(),
            by_list: HashMap::new(),
        }
    }

    /// The cluster that an archive's `broker` names, as an index into those used.
    pub fn of(&mut self, walker: &mut Walker<'_>, text: &Text) -> Option<usize> {
        if let Some(index) = self.by_table.get(&text.value) {
            return Some(*index);
        }
        if let Some(table) = self.tables.get(&text.value) {
            let cluster = table.clone()?;
            let index = self.add(cluster);
            self.by_table.insert(text.value.clone(), index);
            return Some(index);
        }
        let bootstrap = match broker::parse(&text.value) {
            Ok(bootstrap) => bootstrap,
            Err(reason) => {
                self.refuse(walker, text, reason);
                return None;
            }
        };
        if let Some(index) = self.by_list.get(&bootstrap.list) {
            return Some(*index);
        }
        check_protocols(walker, text, &bootstrap, &self.properties);
        let list = bootstrap.list.clone();
        let index = self.add(Cluster {
            name: text.value.clone(),
            bootstrap: bootstrap.list,
            commit_group: None,
            connections: None,
            properties: self.properties.clone(),
        });
        self.by_list.insert(list, index);
        Some(index)
    }

    fn add(&mut self, cluster: Cluster) -> usize {
        self.used.push(cluster);
        self.used.len() - 1
    }

    fn refuse(&self, walker: &mut Walker<'_>, text: &Text, reason: &'static str) {
        let is_bare = !text.value.contains([':', ',', '/']);
        if is_bare && !walker.broken.is_empty() {
            // The cluster's table may be what can't be read.
            return;
        }
        let names = self.tables.keys().map(String::as_str);
        let meant = keys::nearest(&text.value, names).filter(|_| is_bare && text.is_shown());
        let message = format!("{} is neither a cluster nor `host:port`", text.quoted());
        let label = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => reason.to_owned(),
        };
        walker.report(
            Problem::at(&text.span, message)
                .label(label)
                .help("write `host:port[,host:port...]`, or the name of a `[clusters.NAME]` table"),
        );
    }

    /// Bootstrap list and group of a cluster that next offsets are committed to.
    pub fn commits_to(&self, cluster: usize) -> Option<(&str, &str)> {
        let cluster = self.used.get(cluster)?;
        Some((&cluster.bootstrap, cluster.commit_group.as_deref()?))
    }

    /// The clusters that archives name.
    pub fn used(self) -> Vec<Cluster> {
        self.used
    }
}

fn check_table(
    walker: &mut Walker<'_>,
    typed: &RawCluster,
    shared: &BTreeMap<String, String>,
) -> Option<Cluster> {
    if !name::is_valid(&typed.name.value) {
        let problem = Problem::at(&typed.name.span, "a cluster can't have this name");
        walker.report(problem.help(format!("a name is {}", name::RULE)));
    }
    let mut merged = shared.clone();
    merged.extend(properties::check(walker, &typed.kafka));
    let connections = typed.connections.as_ref().and_then(|connections| {
        let count = Some(connections.value).filter(|count| (1..=CONNECTIONS_MAX).contains(count));
        let count = count
            .and_then(|count| usize::try_from(count).ok())
            .and_then(NonZeroUsize::new);
        if count.is_none() {
            let problem = Problem::at(&connections.span, "`connections` is out of range");
            walker.report(problem.label(format!("1 to {CONNECTIONS_MAX} are possible")));
        }
        count
    });
    let text = typed.broker.as_ref()?;
    let bootstrap = match broker::parse(&text.value) {
        Ok(bootstrap) => bootstrap,
        Err(reason) => {
            let message = format!("{} is no bootstrap list", text.quoted());
            let problem = Problem::at(&text.span, message).label(reason);
            walker.report(problem.help("write `host:port[,host:port...]`"));
            return None;
        }
    };
    check_protocols(walker, text, &bootstrap, &merged);
    Some(Cluster {
        name: typed.name.value.clone(),
        bootstrap: bootstrap.list,
        commit_group: typed.commit_group.as_ref().map(|group| group.value.clone()),
        connections,
        properties: merged,
    })
}

/// librdkafka skips a broker whose prefix isn't what `security.protocol` says.
fn check_protocols(
    walker: &mut Walker<'_>,
    text: &Text,
    bootstrap: &Bootstrap,
    properties: &BTreeMap<String, String>,
) {
    let set = properties
        .get(SECURITY_PROTOCOL)
        .map(|set| set.to_lowercase());
    let set = set.as_deref().unwrap_or("plaintext");
    if bootstrap.protocols.iter().any(|protocol| protocol != set) {
        let message = "the prefix of a broker is not the cluster's `security.protocol`";
        walker.report(Problem::at(&text.span, message).help(
            "leave the prefix out, or set `\"security.protocol\"` in a `kafka` table to the same (without it, it is plaintext)",
        ));
    }
}
