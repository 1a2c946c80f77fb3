//! The system's store of certificate authorities, by which brokers are trusted unless somebody names others.

/// Where OpenSSL is told in the environment to look for it. Else the client has to: the OpenSSL in this program knows no
/// system's places.
const ENVIRONMENT: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// The property by which librdkafka looks where systems have it; none where the environment says where it is.
pub(super) fn property() -> Option<(String, String)> {
    let is_told = ENVIRONMENT
        .iter()
        .any(|name| std::env::var_os(name).is_some());
    (!is_told).then(|| ("ssl.ca.location".into(), "probe".into()))
}
