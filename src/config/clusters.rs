//! Clusters: those with a table, and those that are only a bootstrap list.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;

use super::broker::{self, Bootstrap};
use super::built::{Checked, Cluster};
use super::keys::{CLUSTER_BROKER, CLUSTER_KAFKA, CLUSTERS, COMMIT_GROUP, CONNECTIONS, KAFKA};
use super::named_files;
use super::problem::{Problem, Text};
use super::table::Table;
use super::walk::Walker;
use crate::terminal::nearest;

const SECURITY_PROTOCOL: &str = "security.protocol";
/// The property, and its older name, which comes first.
const MECHANISM: [&str; 2] = ["sasl.mechanisms", "sasl.mechanism"];
/// The ways to log in that this program's librdkafka has.
const MECHANISMS: [&str; 4] = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", OAUTHBEARER];
const OAUTHBEARER: &str = "OAUTHBEARER";
const UNSECURED_TOKENS: &str = "enable.sasl.oauthbearer.unsecure.jwt";

/// The clusters of one configuration.
pub(super) struct Clusters {
    /// By the table's name; `None` if something is wrong with it.
    tables: BTreeMap<String, Option<Checked<Cluster>>>,
    /// By the bootstrap list.
    lists: HashMap<String, Checked<Cluster>>,
    /// For every cluster.
    properties: BTreeMap<String, String>,
}

impl Clusters {
    /// Checks the tables, also those that no archive names.
    pub fn check(walker: &mut Walker<'_>, top: &Table) -> Clusters {
        let properties = top.get(&KAFKA).cloned().unwrap_or_default();
        let mut tables = BTreeMap::new();
        for (name, table) in top.get(&CLUSTERS).into_iter().flatten() {
            let cluster = from_table(walker, &name.value, table, &properties);
            tables.insert(name.value.clone(), cluster.map(Checked::new));
        }
        Clusters {
            tables,
            lists: HashMap::new(),
            properties,
        }
    }

    /// The cluster that an archive's `broker` names.
    pub fn of(&mut self, walker: &mut Walker<'_>, text: &Text) -> Option<Checked<Cluster>> {
        if let Some(cluster) = self.tables.get(&text.value) {
            return cluster.clone();
        }
        let bootstrap = match broker::parse(&text.value) {
            Ok(bootstrap) => bootstrap,
            Err(reason) => {
                self.refuse(walker, text, reason);
                return None;
            }
        };
        if let Some(cluster) = self.lists.get(&bootstrap.list) {
            return Some(cluster.clone());
        }
        check_protocols(walker, text, &bootstrap, &self.properties);
        check_login(walker, text, &self.properties);
        let cluster = Checked::new(Cluster {
            name: text.value.clone(),
            bootstrap: bootstrap.list.clone(),
            commit_group: None,
            connections: None,
            properties: self.properties.clone(),
            named_files: named_files::digests(&self.properties),
        });
        self.lists.insert(bootstrap.list, cluster.clone());
        Some(cluster)
    }

    /// Says that this names no cluster and is no address, and what may have been meant.
    fn refuse(&self, walker: &mut Walker<'_>, text: &Text, reason: &'static str) {
        let is_bare = !text.value.contains([':', ',', '/']);
        let names = self.tables.keys().map(String::as_str);
        let meant = nearest(&text.value, names).filter(|_| is_bare && text.is_shown());
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
}

/// A cluster of its own table; what it sets goes before what is set for all.
fn from_table(
    walker: &mut Walker<'_>,
    name: &str,
    table: &Table,
    shared: &BTreeMap<String, String>,
) -> Option<Cluster> {
    let mut properties = shared.clone();
    properties.extend(table.get(&CLUSTER_KAFKA).cloned().unwrap_or_default());
    let text = table.get(&CLUSTER_BROKER)?;
    let bootstrap = match broker::parse(&text.value) {
        Ok(bootstrap) => bootstrap,
        Err(reason) => {
            let message = format!("{} is no bootstrap list", text.quoted());
            let problem = Problem::at(&text.span, message).label(reason);
            walker.report(problem.help("write `host:port[,host:port...]`"));
            return None;
        }
    };
    check_protocols(walker, text, &bootstrap, &properties);
    check_login(walker, text, &properties);
    let connections = table.get(&CONNECTIONS);
    Some(Cluster {
        name: name.to_owned(),
        bootstrap: bootstrap.list,
        commit_group: table.get(&COMMIT_GROUP).map(|group| group.value.clone()),
        connections: connections.and_then(|count| NonZeroUsize::new(usize::try_from(*count).ok()?)),
        named_files: named_files::digests(&properties),
        properties,
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

/// A client that can't log in by its mechanism is made in vain, or waits for a token for ever.
fn check_login(walker: &mut Walker<'_>, text: &Text, properties: &BTreeMap<String, String>) {
    let set = |name| properties.get(name).map(String::as_str);
    let is_sasl = set(SECURITY_PROTOCOL).is_some_and(|set| set.to_lowercase().starts_with("sasl"));
    let mechanism = MECHANISM.into_iter().find_map(set).unwrap_or("GSSAPI");
    if !is_sasl {
        return;
    }
    if !MECHANISMS.contains(&mechanism) {
        let message = "the cluster's `sasl.mechanism` is none that archiver has; without one it is GSSAPI (Kerberos)";
        let help = format!("possible: {}", MECHANISMS.join(", "));
        walker.report(Problem::at(&text.span, message).help(help));
    } else if mechanism == OAUTHBEARER && !matches!(set(UNSECURED_TOKENS), Some("true" | "t" | "1"))
    {
        let message = "archiver gets no tokens for OAUTHBEARER from a server";
        walker.report(Problem::at(&text.span, message).help(format!(
            "only tokens without a signature, by `\"{UNSECURED_TOKENS}\" = true` and `\"sasl.oauthbearer.config\"`; or log in by another mechanism or a certificate"
        )));
    }
}
