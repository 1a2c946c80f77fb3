//! TLS, logins and rights on a broker that asks for each: who is let in, and what is said to those who are not.

mod authorities;
mod refusals;
mod ways;

use crate::config::Config;
use crate::kafka::{Listener, Server};
use crate::topic::Topic;

/// A way to be let in: where, and by which properties.
#[derive(Clone)]
struct Way {
    listener: Listener,
    properties: Vec<(&'static str, String)>,
}

impl Way {
    /// By TLS alone.
    fn tls(server: &Server, listener: Listener) -> Self {
        let ca = server.certificates().certificate("ca");
        Self::bare(listener, "ssl").with("ssl.ca.location", &ca.display().to_string())
    }

    /// By a password over TLS.
    fn password(server: &Server, mechanism: &str, user: &str, password: &str) -> Self {
        Self::tls(server, Listener::SaslTls)
            .with("security.protocol", "sasl_ssl")
            .with("sasl.mechanism", mechanism)
            .with("sasl.username", user)
            .with("sasl.password", password)
    }

    /// By a token that lives for so many seconds.
    fn token(server: &Server, user: &str, seconds: u32) -> Self {
        Self::tls(server, Listener::Token)
            .with("security.protocol", "sasl_ssl")
            .with("sasl.mechanism", "OAUTHBEARER")
            .with("enable.sasl.oauthbearer.unsecure.jwt", "true")
            .with(
                "sasl.oauthbearer.config",
                &format!("principal={user} lifeSeconds={seconds}"),
            )
    }

    /// By the certificate of this name.
    fn certificate(server: &Server, name: &str) -> Self {
        let of = server.certificates();
        Self::tls(server, Listener::Mutual)
            .with(
                "ssl.certificate.location",
                &of.certificate(name).display().to_string(),
            )
            .with("ssl.key.location", &of.key(name).display().to_string())
    }

    fn bare(listener: Listener, protocol: &str) -> Self {
        Self {
            listener,
            properties: Vec::new(),
        }
        .with("security.protocol", protocol)
        .with("topic.metadata.refresh.interval.ms", "1000")
    }

    /// The same with another property, or another value.
    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.properties.retain(|(had, _)| *had != name);
        self.properties.push((name, value.to_owned()));
        self
    }

    /// The same elsewhere.
    fn at(self, listener: Listener) -> Self {
        Self { listener, ..self }
    }

    /// The same without a property.
    fn without(mut self, name: &str) -> Self {
        self.properties.retain(|(had, _)| *had != name);
        self
    }

    /// A configuration with this as cluster `secure`, and an archive of a topic there in `a.ndjson`.
    fn config(&self, server: &Server, topic: &Topic) -> Config {
        self.add_to(Config::new(), server, "secure", topic, "a")
    }

    /// The same beside others: the archive's name is also its file's.
    fn add_to(
        &self,
        config: Config,
        server: &Server,
        cluster: &str,
        topic: &Topic,
        archive: &str,
    ) -> Config {
        let table = format!("clusters.{cluster}");
        let config = config.set(&table, "broker", &server.at(self.listener));
        let table = format!("{table}.kafka");
        let properties = self.properties.iter();
        let config = properties.fold(config, |config, (name, value)| {
            config.set(&table, name, value)
        });
        let keys = [("name", archive), ("start", "earliest")];
        config.archive_on(cluster, topic, &format!("{archive}.ndjson"), &keys)
    }

    /// The same as flags of a command without a configuration.
    fn flags(&self, server: &Server) -> Vec<String> {
        let mut flags = vec!["-b".to_owned(), server.at(self.listener)];
        for (name, value) in &self.properties {
            flags.extend(["-X".to_owned(), format!("{name}={value}")]);
        }
        flags
    }
}
