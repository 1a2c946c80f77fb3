//! Listeners that let in only whom they know, one for each way.

use std::fmt::Write;
use std::path::Path;

use super::certificates::Certificates;

/// How a user is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener {
    /// By a login without TLS.
    Sasl,
    /// By a login over TLS.
    SaslTls,
    /// The same, where tokens live for seconds.
    Token,
    /// By a certificate.
    Mutual,
    /// By nothing, but the server's certificate has expired.
    Expired,
}

pub const LISTENERS: usize = 5;

const ALL: [(Listener, &str, &str); LISTENERS] = [
    (Listener::Sasl, "SASL", "SASL_PLAINTEXT"),
    (Listener::SaslTls, "SASLTLS", "SASL_SSL"),
    (Listener::Token, "TOKEN", "SASL_SSL"),
    (Listener::Mutual, "MUTUAL", "SSL"),
    (Listener::Expired, "EXPIRED", "SSL"),
];

/// Those who log in by SCRAM, each with NAME-pw for a password; carol does by PLAIN, dave by a token.
const SCRAM_USERS: [&str; 2] = ["alice", "bob"];

/// What each of them is, as `listeners` in `server.properties` goes on.
pub fn listeners(ports: &[u16; LISTENERS]) -> String {
    let all = ALL.iter().zip(ports);
    all.map(|((_, name, _), port)| format!(",{name}://127.0.0.1:{port}"))
        .collect()
}

/// The same for `listener.security.protocol.map`.
pub fn protocols() -> String {
    let all = ALL.iter();
    all.map(|(_, name, protocol)| format!(",{name}:{protocol}"))
        .collect()
}

pub fn scram_users() -> impl Iterator<Item = String> {
    let mechanisms = ["SCRAM-SHA-256", "SCRAM-SHA-512"];
    mechanisms.into_iter().flat_map(|mechanism| {
        SCRAM_USERS.map(|user| format!("{mechanism}=[name={user},password={user}-pw]"))
    })
}

/// What else goes into `server.properties`.
pub fn properties(certificates: &Certificates) -> String {
    let module =
        |name: &str| format!("org.apache.kafka.common.security.{name}LoginModule required");
    let (scram, plain) = (module("scram.Scram"), module("plain.Plain"));
    let token = module("oauthbearer.OAuthBearer");
    let mut text = format!(
        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl.scram-sha-512.sasl.jaas.config={scram};
listener.name.sasltls.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasltls.scram-sha-256.sasl.jaas.config={scram};
listener.name.sasltls.scram-sha-512.sasl.jaas.config={scram};
listener.name.sasltls.plain.sasl.jaas.config={plain} user_carol=\"carol-pw\";
listener.name.token.sasl.enabled.mechanisms=OAUTHBEARER
listener.name.token.oauthbearer.sasl.jaas.config={token};
listener.name.token.oauthbearer.connections.max.reauth.ms=10000
listener.name.mutual.ssl.client.auth=required
listener.name.mutual.ssl.principal.mapping.rules=RULE:^CN=([^,]+).*$/$1/,DEFAULT
",
    );
    for (listener, name, _) in ALL
        .iter()
        .filter(|(.., protocol)| protocol.ends_with("SSL"))
    {
        let server = match listener {
            Listener::Expired => "expired-server",
            _ => "server",
        };
        tls(
            &mut text,
            name,
            &certificates.store(server),
            &certificates.certificate("ca"),
        );
    }
    text
}

fn tls(text: &mut String, listener: &str, store: &Path, trusted: &Path) {
    let listener = listener.to_lowercase();
    let (store, trusted) = (store.display(), trusted.display());
    write!(
        text,
        "listener.name.{listener}.ssl.keystore.type=PEM
listener.name.{listener}.ssl.keystore.location={store}
listener.name.{listener}.ssl.truststore.type=PEM
listener.name.{listener}.ssl.truststore.location={trusted}
",
    )
    .unwrap();
}
