//! TLS and logins that fail, told in the program's own words: what is wrong, and what can be done.
//!
//! The client tells it in OpenSSL's words and the broker's. Why a certificate isn't trusted it only logs.

use super::errors::NO_ANSWER_OF;
use crate::source::cluster::{KafkaError, Trouble};

/// What the client logs of a certificate that isn't trusted: before whose it is, before who has signed it, and before
/// OpenSSL's number of the reason.
const DISTRUSTED: [&str; 3] = [
    ": Certificate (subject=",
    ", issuer=",
    ") verification callback failed: ",
];

/// What the client says when it doesn't trust a broker's certificate.
const UNTRUSTED: [&str; 2] = ["certificate verify failed", "error:0A000086"];

/// What the client says before the number of the alert by which a broker ends a TLS connection.
const ALERT: &str = "SSL alert number ";

/// What the client says, mostly in its log alone, of a broker that hangs up.
const HUNG_UP: [&str; 2] = ["Disconnected", "Send failed"];
/// When it does: at the first question, or when that has been answered.
const ASKING: &str = " in state APIVERSION_QUERY";
const ANSWERED: &str = " in state UP";
/// How the client calls a broker that has not let it in yet.
const UNKNOWN: &str = "/bootstrap: ";

/// What stands before a broker's words when it refuses a login.
const LOGIN: &str = "SASL authentication error: ";

/// What the client appends to say how long something took, and where it was.
const AFTER: &str = " (after ";

const RENEW: &str = "renew it on the broker, and see that this machine's clock is right";
const TRUST: &str =
    "name the CA in ssl.ca.location, or add it to the system's CAs and start archiver again";
const NAME: &str =
    "have `broker` and the brokers' advertised.listeners use a name that is in the certificate";
const PRESENT: &str = "name one in ssl.certificate.location and its key in ssl.key.location";
const REPLACE: &str = "see that the one in ssl.certificate.location has not expired, and that the broker trusts the CA that has signed it";
const LOG_IN: &str = "see sasl.mechanism, sasl.username and sasl.password, or the token, and that the cluster has this user";
const MECHANISM: &str = "set sasl.mechanism to one that the broker offers";

/// Of a line of the client's log: which broker's certificate isn't trusted, and why.
pub(super) fn distrusted(line: &str) -> Option<(String, String)> {
    let [subject, issuer, number] = DISTRUSTED;
    let (who, rest) = line.split_once(subject)?;
    let (subject, rest) = rest.split_once(issuer)?;
    let (issuer, number) = rest.rsplit_once(number)?;
    let who = who.rsplit(NO_ANSWER_OF).next()?;
    let whose = format!("of {subject}, signed by {issuer},");
    // OpenSSL's X509_V_ERR_…
    let (why, remedy) = match number.trim().parse::<i32>().ok()? {
        9 => (format!("{whose} isn't valid yet"), RENEW),
        10 => (format!("{whose} has expired"), RENEW),
        2 | 18..=21 => (format!("{whose} is by no CA that is known here"), TRUST),
        62 | 64 => (format!("{whose} has another name in it"), NAME),
        23 => (format!("{whose} has been revoked"), RENEW),
        other => (
            format!("{whose} is not accepted (X509 error {other})"),
            TRUST,
        ),
    };
    Some((
        who.to_owned(),
        format!("the broker's certificate, {why}; {remedy}"),
    ))
}

/// Of what the client says of a broker: is it that its certificate isn't trusted?
pub(super) fn is_distrust(said: &str) -> bool {
    UNTRUSTED.iter().any(|words| said.contains(words))
}

/// Of what it says: that a broker ends a TLS connection, as it wants another certificate or one at all.
pub(super) fn certificate_refused(said: &str) -> Option<String> {
    let (_, rest) = said.split_once(ALERT)?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    // The alerts of TLS: bad_certificate … unknown_ca, certificate_required.
    let (what, remedy) = match digits.parse::<u8>().ok()? {
        42 | 116 => (
            "wants a certificate from this client, by a CA that it trusts",
            PRESENT,
        ),
        43..=46 | 48 => ("refuses this client's certificate", REPLACE),
        _ => return None,
    };
    Some(format!("{}the broker {what}; {remedy}", who(said)))
}

/// Of what the client says or logs: that a broker hangs up which has not let it in yet, and what that may mean.
pub(super) fn hung_up(said: &str) -> Option<KafkaError> {
    let (who, rest) = said.split_once(UNKNOWN)?;
    let who = who.rsplit(NO_ANSWER_OF).next()?;
    HUNG_UP.iter().find(|words| rest.starts_with(**words))?;
    let (is_tls, is_login) = (who.contains("ssl://"), who.starts_with("sasl_"));
    let what = match (rest.contains(ASKING), rest.contains(ANSWERED)) {
        (true, _) if is_tls => {
            "the broker hangs up after the TLS handshake, as one may that wants a certificate; see ssl.certificate.location \
             and ssl.key.location"
        }
        (true, _) => {
            "the broker hangs up on a client without TLS; set security.protocol to ssl or sasl_ssl, and see that it is the \
             right port"
        }
        (_, true) if !is_login => {
            "the broker hangs up on a client that doesn't log in; set security.protocol to sasl_ssl (or sasl_plaintext) and \
             sasl.mechanism"
        }
        _ => return None,
    };
    Some(KafkaError {
        kind: Trouble::NotLetIn,
        text: format!("{who}{UNKNOWN}{what}"),
    })
}

/// That a broker refuses a login.
pub(super) fn login_refused(said: &str) -> String {
    let (who, what) = said.split_at(who(said).len());
    let what = what.split(AFTER).next().unwrap_or(what).trim();
    let what = what.strip_prefix(LOGIN).unwrap_or(what);
    let remedy = if what.to_lowercase().contains("unsupported sasl mechanism") {
        MECHANISM
    } else {
        LOG_IN
    };
    format!("{who}the broker refuses the login: {what}; {remedy}")
}

/// The broker that something is said of, with what stands between.
fn who(said: &str) -> &str {
    match said.find(": ") {
        Some(at) if said[..at].contains('/') => &said[..at + 2],
        _ => "",
    }
}
