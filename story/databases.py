"""MariaDB and PostgreSQL of the story's own, below its directory, on 127.0.0.1 only, ended with it."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import proc
import setup
from commands import PASSWORD
from setup import Failed

TIMEOUT_S = 60


class Databases:
    """`with Databases(directory) as them:` — `them.urls` has one for each."""

    def __init__(self, directory):
        self.directory = directory
        self.processes = []
        self.urls = {}

    def __enter__(self):
        try:
            self.urls = {"MariaDB": self.mariadb(), "PostgreSQL": self.postgres()}
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait()

    def place(self, name, user):
        """A directory of that user: neither server runs as root."""
        place = self.directory / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        if os.geteuid() == 0:
            shutil.chown(place, user, user)
        return place

    def start(self, user, command, log):
        with open(log, "wb") as out:
            self.processes.append(subprocess.Popen(
                as_user(user, command), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                preexec_fn=proc.die_with_parent,
            ))  # fmt: skip

    def mariadb(self):
        place = self.place("mariadb", "mysql")
        (port,) = setup.free_ports(1)
        install = ["mariadb-install-db", "--no-defaults", f"--datadir={place}", "--skip-test-db",
                   "--auth-root-authentication-method=normal"]  # fmt: skip
        done(as_user("mysql", install))
        server = ["mariadbd", "--no-defaults", f"--datadir={place}", f"--socket={place}/s", f"--port={port}",
                  "--bind-address=127.0.0.1", "--skip-log-bin", "--skip-name-resolve", "--local-infile=1",
                  "--innodb-buffer-pool-size=512M", "--innodb-log-file-size=512M"]  # fmt: skip
        self.start("mysql", server, self.directory / "mariadb.log")
        self.root = ["mariadb", "-S", f"{place}/s", "-u", "root", "--local-infile=1"]
        wait_for(lambda: done([*self.root, "-e", "SELECT 1"]))
        done([*self.root, "-e", "CREATE DATABASE metrics; CREATE USER archiver@'127.0.0.1' IDENTIFIED BY "
              f"'{PASSWORD}'; GRANT ALL ON metrics.* TO archiver@'127.0.0.1'"])  # fmt: skip
        return f"mysql://archiver@127.0.0.1:{port}/metrics"

    def postgres(self):
        place = self.place("postgres", "postgres")
        (port,) = setup.free_ports(1)
        versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        binaries = versions[-1] if versions else Path("/usr/bin")
        password = place / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        done(as_user("postgres", [binaries / "initdb", "-D", place / "data", "-U", "archiver", "-A", "scram-sha-256",
                                  f"--pwfile={password}", "-E", "UTF8", "--locale=C.UTF-8"]))  # fmt: skip
        self.start("postgres", [binaries / "postgres", "-D", place / "data", "-k", place, "-p", str(port), "-h",
                                "127.0.0.1"], self.directory / "postgres.log")  # fmt: skip
        client = ["psql", "-h", "127.0.0.1", "-p", str(port), "-U", "archiver", "-d", "postgres", "-c"]
        wait_for(lambda: done([*client, "SELECT 1"]))
        done([*client, "CREATE DATABASE metrics"])
        return f"postgres://archiver@127.0.0.1:{port}/metrics"

    def load_data(self, table):
        """How many rows a second MariaDB takes from a file of its own (LOAD DATA): the most that anybody can get."""
        file = self.directory / "mariadb" / "rows"
        for statement in [f"SELECT * FROM {table} INTO OUTFILE '{file}'", f"CREATE TABLE limit_of_all LIKE {table}"]:
            done([*self.root, "metrics", "-e", statement])
        began = time.monotonic()
        done([*self.root, "metrics", "-e", f"LOAD DATA INFILE '{file}' INTO TABLE limit_of_all"])
        seconds = time.monotonic() - began
        rows = self.count("MariaDB", "limit_of_all")
        done([*self.root, "metrics", "-e", "DROP TABLE limit_of_all"])
        file.unlink()
        return rows / seconds

    def count(self, name, table):
        """By the database's own client."""
        if name == "MariaDB":
            return int(done([*self.root, "-N", "metrics", "-e", f"SELECT count(*) FROM {table}"]))
        url = self.urls[name]
        return int(done(["psql", url, "-A", "-t", "-c", f"SELECT count(*) FROM {table}"]))


def as_user(user, command):
    command = list(map(str, command))
    if os.geteuid() != 0:
        return command
    return ["setpriv", "--reuid", user, "--regid", user, "--init-groups", "--", *command]


def done(command):
    env = os.environ | {"PGPASSWORD": PASSWORD}
    ran = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=env)
    if ran.returncode != 0:
        raise Failed(f"{Path(str(command[0])).name} failed: {setup.last_line(ran.stderr + ran.stdout)}")
    return ran.stdout


def wait_for(attempt):
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        try:
            return attempt()
        except Failed:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
