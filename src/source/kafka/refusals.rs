//! TLS and logins that fail, told in the program's own words: what is wrong, and what can be done.
//!
//! The client tells it in OpenSSL's words and the broker's. Why a certificate isn't trusted it only logs.

use crate::source::cluster::{KafkaError, Trouble};

/// What stands before the broker in a line of the client's log.
pub(super) const BEFORE_BROKER: &str = "]: ";

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
    let who = who.rsplit(BEFORE_BROKER).next()?;
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
    let who = who.rsplit(BEFORE_BROKER).next()?;
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

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "[thrd:ssl://host:1/bootstrap]: ssl://host:1/bootstrap: Certificate (subject=/CN=a, issuer=/CN=b) \
                        verification callback failed: ";

    #[test]
    fn why_a_certificate_is_not_trusted_is_told_with_the_remedy() {
        for (number, says) in [
            ("9", "isn't valid yet; renew"),
            ("10", "has expired; renew"),
            ("20", "is by no CA that is known here; name the CA"),
            ("64", "has another name in it; have `broker`"),
            ("23", "has been revoked; renew"),
            ("77", "is not accepted (X509 error 77); name the CA"),
        ] {
            let (who, why) = distrusted(&format!("{LINE}{number}")).expect("it is told");
            assert_eq!(who, "ssl://host:1/bootstrap");
            let whose = "the broker's certificate, of /CN=a, signed by /CN=b, ";
            assert!(why.starts_with(&format!("{whose}{says}")), "{why}");
        }
        assert_eq!(distrusted("[thrd:main]: something else"), None);
    }

    #[test]
    fn alerts_about_certificates_are_told_from_others() {
        let said = |number: u8| {
            certificate_refused(&format!(
                "ssl://host:1/bootstrap: error:0A000412:SSL routines::an alert: SSL alert number {number} (after 1ms in state UP)"
            ))
        };
        for (number, says) in [
            (42, "wants a certificate"),
            (116, "wants a certificate"),
            (45, "refuses this client's"),
        ] {
            let text = said(number).expect("it is told");
            assert!(
                text.starts_with(&format!("ssl://host:1/bootstrap: the broker {says}")),
                "{text}"
            );
        }
        assert_eq!(said(80), None);
    }

    #[test]
    fn a_broker_that_hangs_up_on_a_stranger_wants_something_and_one_that_is_known_is_away() {
        let said = |who: &str, state: &str| {
            let line = format!("[thrd:x]: {who}: Disconnected (after 3ms in state {state})");
            hung_up(&line).map(|e| e.text)
        };
        for (who, state, says) in [
            (
                "host:1/bootstrap",
                "APIVERSION_QUERY",
                "a client without TLS",
            ),
            (
                "ssl://host:1/bootstrap",
                "APIVERSION_QUERY",
                "after the TLS handshake",
            ),
            (
                "ssl://host:1/bootstrap",
                "UP",
                "a client that doesn't log in",
            ),
        ] {
            let text = said(who, state).expect("it is told");
            assert!(
                text.starts_with(&format!("{who}: the broker hangs up ")) && text.contains(says),
                "{text}"
            );
        }
        assert_eq!(said("host:1/1", "UP"), None);
        assert_eq!(said("sasl_ssl://host:1/bootstrap", "UP"), None);
    }

    #[test]
    fn a_refused_login_is_told_in_the_broker_s_words_without_the_client_s() {
        let said = "sasl_ssl://host:1/bootstrap: SASL authentication error: no such user (after 9ms in state AUTH_REQ)";
        let expected = format!(
            "sasl_ssl://host:1/bootstrap: the broker refuses the login: no such user; {LOG_IN}"
        );
        assert_eq!(login_refused(said), expected);
    }
}
