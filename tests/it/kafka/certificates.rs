//! Certificates by openssl: of an authority, of a server and a client, and of such that nobody should trust.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What goes wrong is the harness's.
type Made<T> = Result<T, String>;

/// A directory of them, all in PEM.
pub struct Certificates {
    directory: PathBuf,
}

impl Certificates {
    /// Makes them all.
    pub fn make(directory: PathBuf) -> Made<Self> {
        fs::create_dir_all(&directory).map_err(|e| e.to_string())?;
        let made = Self { directory };
        made.authority("ca")?;
        made.authority("other-ca")?;
        made.signed("server", "ca", 30)?;
        made.signed("expired-server", "ca", -1)?;
        made.renewed("renewed-server", "expired-server", "ca")?;
        made.signed("carol", "ca", 30)?;
        made.signed("expired-carol", "ca", -1)?;
        made.signed("stranger", "other-ca", 30)?;
        Ok(made)
    }

    /// The certificate of this name.
    pub fn certificate(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.pem"))
    }

    /// Its key.
    pub fn key(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.key"))
    }

    /// Both in one file, as Kafka takes them.
    pub fn store(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.store.pem"))
    }

    fn authority(&self, name: &str) -> Made<()> {
        self.key_of(name)?;
        let subject = format!("/CN={name}");
        let (key, to) = (self.key(name), self.certificate(name));
        openssl(&[
            "req",
            "-x509",
            "-new",
            "-days",
            "30",
            "-subj",
            &subject,
            "-key",
            path(&key),
            "-out",
            path(&to),
        ])
    }

    /// Of the same subject as its name.
    fn signed(&self, name: &str, by: &str, days: i32) -> Made<()> {
        self.of(name, name, by, days)
    }

    /// Of the subject of an earlier one.
    fn renewed(&self, name: &str, earlier: &str, by: &str) -> Made<()> {
        self.of(name, earlier, by, 30)
    }

    fn of(&self, name: &str, subject: &str, by: &str, days: i32) -> Made<()> {
        self.key_of(name)?;
        let request = self.directory.join(format!("{name}.csr"));
        let names = self.directory.join("names.cnf");
        fs::write(&names, "subjectAltName=DNS:localhost,IP:127.0.0.1\n")
            .map_err(|e| e.to_string())?;
        let (key, to, store) = (self.key(name), self.certificate(name), self.store(name));
        let subject = format!("/CN={subject}");
        openssl(&[
            "req",
            "-new",
            "-subj",
            &subject,
            "-key",
            path(&key),
            "-out",
            path(&request),
        ])?;
        let (by, by_key) = (self.certificate(by), self.key(by));
        let days = days.to_string();
        openssl(&[
            "x509",
            "-req",
            "-days",
            &days,
            "-CAcreateserial",
            "-extfile",
            path(&names),
            "-in",
            path(&request),
            "-CA",
            path(&by),
            "-CAkey",
            path(&by_key),
            "-out",
            path(&to),
        ])?;
        let both = [key, to].map(|file| fs::read_to_string(file).map_err(|e| e.to_string()));
        let [key, certificate] = both;
        fs::write(store, key? + &certificate?).map_err(|e| e.to_string())
    }

    fn key_of(&self, name: &str) -> Made<()> {
        let key = self.key(name);
        let curve = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
        openssl(&[&["genpkey", "-out", path(&key)], &curve[..]].concat())
    }
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path of the tests' own")
}

fn openssl(args: &[&str]) -> Made<()> {
    let output = Command::new("openssl").args(args).output();
    let output =
        output.map_err(|e| format!("openssl, which makes certificates for the tests: {e}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!(
            "openssl {}: {}",
            args[0],
            String::from_utf8_lossy(&output.stderr)
        )),
    }
}
