//! Databases of their own: MariaDB, PostgreSQL, SQLite, below the run's directory. `make test` installs them.

use std::fmt;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use crate::kafka::Janitor;
use crate::wait::{LONG, eventually};

/// The password of the user `archiver`.
pub const PASSWORD: &str = "not'so\"secret";

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    MariaDb,
    Postgres,
    Sqlite,
}

/// A database that is there and has no table yet.
pub struct Database {
    pub of: Of,
    /// Without its password.
    pub url: String,
    name: String,
    port: u16,
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.of)
    }
}

/// A server that all tests share.
struct Server {
    port: u16,
    socket: PathBuf,
    _child: Child,
}

impl Database {
    /// A new one.
    pub fn new(of: Of, directory: &Path) -> Self {
        static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let next = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("metrics_{next}");
        let (port, url) = match of {
            Of::MariaDb => {
                let port = mariadb().port;
                (port, format!("mysql://archiver@127.0.0.1:{port}/{name}"))
            }
            Of::Postgres => {
                let port = postgres().port;
                (port, format!("postgres://archiver@127.0.0.1:{port}/{name}"))
            }
            Of::Sqlite => {
                let path = directory.join(format!("{name}.db"));
                (0, format!("sqlite:{}", path.display()))
            }
        };
        let database = Self {
            of,
            url,
            name,
            port,
        };
        let name = &database.name;
        match of {
            Of::MariaDb => {
                let quoted = PASSWORD.replace('\'', "''");
                root_of_mariadb(&format!(
                    "CREATE DATABASE {name}; CREATE USER IF NOT EXISTS archiver@'127.0.0.1' IDENTIFIED BY '{quoted}'; \
                     GRANT ALL ON {name}.* TO archiver@'127.0.0.1'"
                ));
            }
            Of::Postgres => root_of_postgres(&format!("CREATE DATABASE {name} OWNER archiver")),
            Of::Sqlite => {}
        }
        database
    }

    /// The rows of a query as its own client prints them: fields separated by tabs.
    #[track_caller]
    pub fn rows(&self, query: &str) -> Vec<String> {
        let name = &self.name;
        let mut command = match self.of {
            Of::MariaDb => {
                let mut command = Command::new("mariadb");
                command.arg("-S").arg(&mariadb().socket);
                command.args([
                    "-u",
                    "root",
                    "--default-character-set=utf8mb4",
                    "-N",
                    "-B",
                    "--raw",
                ]);
                command.args([name, "-e", query]);
                command
            }
            Of::Postgres => {
                let mut command = Command::new("psql");
                command.env("PGPASSWORD", PASSWORD).env("PGTZ", "UTC");
                let port = self.port.to_string();
                command.args(["-h", "127.0.0.1", "-p", &port, "-U", "archiver", "-d", name]);
                command.args([
                    "-X",
                    "-A",
                    "-t",
                    "-F",
                    "\t",
                    "-v",
                    "ON_ERROR_STOP=1",
                    "-c",
                    query,
                ]);
                command
            }
            Of::Sqlite => {
                let mut command = Command::new("python3");
                let path = self.url.trim_start_matches("sqlite:");
                command.args(["-c", SQLITE, path, query]);
                command
            }
        };
        let output = command.output().expect("a client is started");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{query}: {said}");
        let text = String::from_utf8(output.stdout).expect("text");
        text.lines().map(str::to_owned).collect()
    }

    /// The number that a query gives.
    #[track_caller]
    pub fn number(&self, query: &str) -> i64 {
        let rows = self.rows(query);
        rows[0].parse().expect("a number")
    }
}

const SQLITE: &str = "\
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=60)
for row in connection.execute(sys.argv[2]):
    print('\\t'.join('NULL' if cell is None else str(cell) for cell in row))
connection.commit()
";

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// A directory that this user may write to. Neither server runs as root.
fn directory(name: &str, user: &str) -> PathBuf {
    let root = Janitor::get().root();
    let path = root.join(name);
    fs::create_dir_all(&path).expect("is made");
    if is_root() {
        fs::set_permissions(root, fs::Permissions::from_mode(0o755)).expect("is changed");
        let done = Command::new("chown").arg(user).arg(&path).status();
        assert!(done.expect("chown").success());
    }
    path
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// As this user, if that is needed.
fn as_user(user: &str, program: &str) -> Command {
    match is_root() {
        true => {
            let mut command = Command::new("setpriv");
            command.args([
                "--reuid",
                user,
                "--regid",
                user,
                "--init-groups",
                "--",
                program,
            ]);
            command
        }
        false => Command::new(program),
    }
}

#[track_caller]
fn done(command: &mut Command) {
    let output = command.output().expect("is started");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{command:?}: {said}");
}

fn started(command: &mut Command, log: &Path) -> Child {
    let log = fs::File::create(log).expect("a log");
    let command = command
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a log"))
        .stderr(log);
    Janitor::get()
        .spawn(command)
        .expect("scripts/need.sh mariadb postgresql")
}

fn mariadb() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let data = directory("mariadb", "mysql");
        let socket = data.join("s");
        let mut install = as_user("mysql", "mariadb-install-db");
        install.arg(format!("--datadir={}", data.display()));
        done(install.args([
            "--no-defaults",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ]));
        let port = free_port();
        let mut server = as_user("mysql", "mariadbd");
        server.arg("--no-defaults");
        server.arg(format!("--datadir={}", data.display()));
        server.arg(format!("--socket={}", socket.display()));
        server.arg(format!("--port={port}"));
        server.args([
            "--bind-address=127.0.0.1",
            "--skip-log-bin",
            "--skip-name-resolve",
        ]);
        let log = Janitor::get().root().join("mariadb.log");
        let child = started(&mut server, &log);
        eventually(LONG, "MariaDB answers", || {
            let asked = Command::new("mariadb")
                .arg("-S")
                .arg(&socket)
                .args(["-u", "root", "-e", "SELECT 1"])
                .output();
            asked.expect("mariadb").status.success()
        });
        Server {
            port,
            socket,
            _child: child,
        }
    })
}

fn root_of_mariadb(statements: &str) {
    let mut client = Command::new("mariadb");
    done(
        client
            .arg("-S")
            .arg(&mariadb().socket)
            .args(["-u", "root", "-e", statements]),
    );
}

/// A program of PostgreSQL's newest version here.
fn of_postgres(program: &str) -> String {
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let programs = versions.map(|version| version.path().join("bin").join(program));
    let newest = programs.filter(|path| path.exists()).max();
    newest.map_or_else(
        || program.to_owned(),
        |path| path.to_string_lossy().into_owned(),
    )
}

fn postgres() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let data = directory("postgres", "postgres");
        let password = data.join("password");
        let cluster = data.join("data");
        fs::write(&password, PASSWORD).expect("is written");
        let mut init = as_user("postgres", &of_postgres("initdb"));
        init.arg("-D").arg(&cluster).args([
            "-U",
            "archiver",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "-N",
        ]);
        done(
            init.args(["-A", "scram-sha-256"])
                .arg(format!("--pwfile={}", password.display())),
        );
        let port = free_port();
        let mut server = as_user("postgres", &of_postgres("postgres"));
        server.arg("-D").arg(&cluster).arg("-k").arg(&data);
        server.args([
            "-p",
            &port.to_string(),
            "-h",
            "127.0.0.1",
            "-c",
            "timezone=America/New_York",
        ]);
        let log = Janitor::get().root().join("postgres.log");
        let child = started(&mut server, &log);
        let server = Server {
            port,
            socket: data,
            _child: child,
        };
        eventually(LONG, "PostgreSQL answers", || {
            psql(&server, "SELECT 1")
                .output()
                .expect("psql")
                .status
                .success()
        });
        server
    })
}

fn psql(server: &Server, statement: &str) -> Command {
    let mut client = Command::new("psql");
    client.env("PGPASSWORD", PASSWORD);
    let port = server.port.to_string();
    client.args([
        "-h",
        "127.0.0.1",
        "-p",
        &port,
        "-U",
        "archiver",
        "-d",
        "postgres",
        "-X",
        "-q",
        "-c",
        statement,
    ]);
    client
}

fn root_of_postgres(statement: &str) {
    done(&mut psql(postgres(), statement));
}
