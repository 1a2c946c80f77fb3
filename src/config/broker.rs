//! Bootstrap lists: `host:port[,host:port…]`.

use std::net::Ipv6Addr;

/// The security protocols that librdkafka takes in front of a host.
const PROTOCOLS: [&str; 4] = ["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"];

/// A bootstrap list that librdkafka will take as a whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bootstrap {
    /// Without blanks around the commas.
    pub list: String,
    /// The protocols that stand in front of hosts, in lower case.
    pub protocols: Vec<String>,
}

/// Why a text is no bootstrap list. No part of the text is in it.
pub(super) fn parse(text: &str) -> Result<Bootstrap, &'static str> {
    let mut entries = Vec::new();
    let mut protocols = Vec::new();
    for entry in text.split(',') {
        let entry = entry.trim_matches(' ');
        if entry.is_empty() {
            return Err("there is an empty place in the list");
        }
        let address = match entry.split_once("://") {
            None => entry,
            Some((protocol, address)) => {
                let protocol = protocol.to_lowercase();
                if !PROTOCOLS.contains(&protocol.as_str()) {
                    return Err(
                        "in front of `://` can stand PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL",
                    );
                }
                protocols.push(protocol);
                address
            }
        };
        check_address(address)?;
        entries.push(entry);
    }
    Ok(Bootstrap {
        list: entries.join(","),
        protocols,
    })
}

/// Is this `host:port`, with the host of IPv6 in brackets? Says what is wrong with it.
fn check_address(address: &str) -> Result<(), &'static str> {
    let Some((host, port)) = address.rsplit_once(':') else {
        return Err("the port is missing");
    };
    let in_brackets = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    match in_brackets {
        Some(host) => {
            // `fe80::1%eth0` is one, with the interface to use.
            let (ip, interface) = match host.split_once('%') {
                Some((ip, interface)) => (ip, is_name(interface)),
                None => (host, true),
            };
            if ip.parse::<Ipv6Addr>().is_err() || !interface {
                return Err("between the brackets stands no IPv6 address");
            }
        }
        None if host.contains(':') && host.bytes().all(is_part_of_ipv6) => {
            return Err("an IPv6 address goes into brackets, `[::1]:9092`");
        }
        None => {
            if host.is_empty() {
                return Err("the host is missing");
            }
            if !is_name(host) {
                return Err("the host has characters that no host has");
            }
        }
    }
    let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number || !port.parse::<u16>().is_ok_and(|port| port > 0) {
        return Err("the port is a number from 1 to 65535");
    }
    Ok(())
}

/// Of a host or an interface.
fn is_name(text: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !text.is_empty() && text.bytes().all(is_legal)
}

fn is_part_of_ipv6(byte: u8) -> bool {
    byte == b':' || byte.is_ascii_hexdigit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_ports_are_a_list() {
        for (text, list) in [
            ("localhost:9092", "localhost:9092"),
            ("a:1, b-c.d_e:65535", "a:1,b-c.d_e:65535"),
            ("10.0.0.1:9092,[::1]:9092", "10.0.0.1:9092,[::1]:9092"),
            ("[fe80::1%eth0]:9092", "[fe80::1%eth0]:9092"),
            (
                "PLAINTEXT://h:1,plaintext://i:2",
                "PLAINTEXT://h:1,plaintext://i:2",
            ),
        ] {
            assert_eq!(parse(text).map(|found| found.list).as_deref(), Ok(list));
        }
        assert_eq!(parse("SSL://h:1").unwrap().protocols, ["ssl"]);
    }

    #[test]
    fn anything_else_is_refused_with_the_reason() {
        for (text, reason) in [
            ("localhost", "the port is missing"),
            ("a:1,", "there is an empty place in the list"),
            (":9092", "the host is missing"),
            ("a:", "the port is a number from 1 to 65535"),
            ("a:0", "the port is a number from 1 to 65535"),
            ("a:65536", "the port is a number from 1 to 65535"),
            ("a:+1", "the port is a number from 1 to 65535"),
            (
                "::1:9092",
                "an IPv6 address goes into brackets, `[::1]:9092`",
            ),
            ("[::g]:9092", "between the brackets stands no IPv6 address"),
            (
                "[::1%a b]:9092",
                "between the brackets stands no IPv6 address",
            ),
            (
                "[::1%\n]:9092",
                "between the brackets stands no IPv6 address",
            ),
            ("[::1%]:9092", "between the brackets stands no IPv6 address"),
            ("a b:1", "the host has characters that no host has"),
            ("u:p@h:1", "the host has characters that no host has"),
            (
                "http://a:1",
                "in front of `://` can stand PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL",
            ),
        ] {
            assert_eq!(parse(text), Err(reason), "{text}");
        }
    }
}
