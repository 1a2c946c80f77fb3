"""Finds what the benchmark needs, or installs it; what can't be had is left out with a reason."""

import ctypes
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "target" / "bench"
LIBS = ROOT / "target" / "kafka" / "libs"
VENV = WORK / "venv"
VENV_PYTHON = VENV / "bin" / "python"


class Missing(Exception):
    """Something that the benchmark can't install; the message says what and why."""


class Failed(Exception):
    """Records are missing, or a program gave up."""


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


# Java's log is for when something went wrong.
QUIET_JAVA = ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]


def command(name, package=None, elsewhere=""):
    """The path of a program, installed through apt when that is possible."""
    path = f"{os.environ['PATH']}:{elsewhere}"
    if not shutil.which(name, path=path):
        apt_install(package or name)
    path = shutil.which(name, path=path)
    if not path:
        raise Missing(f"{name} is not installed")
    return path


def library(name, package):
    """A shared library, installed through apt when that is possible."""
    try:
        ctypes.CDLL(name)
    except OSError:
        apt_install(package)


def rsyslog_kafka():
    """rsyslog's module that reads Kafka."""
    if not any(Path("/usr/lib").glob("*/rsyslog/imkafka.so")):
        apt_install("rsyslog-kafka")


def apt_install(package):
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Missing(f"{package} is not installed, and only root can install it through apt")
    say(f"installing {package}")
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    # The package lists of a fresh machine are often empty, or too old to be found on the mirror.
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", package]):
        done = subprocess.run(["apt-get", *arguments], env=env, capture_output=True, text=True)
    if done.returncode != 0:
        raise Missing(f"apt-get install {package} failed: {last_line(done.stderr)}")


def kafka_libs():
    """The directory of Kafka's jars, shared with the tests."""
    return jars(ROOT / "tests/kafka/pom.xml", LIBS, "kafka_2.13-*.jar")


def connect_libs():
    """The directory of the file sink of Kafka Connect."""
    return jars(ROOT / "bench/pom.xml", WORK / "connect", "connect-file-*.jar", "-DexcludeTransitive=true")


def jars(pom, libs, there, *more):
    command("java", "default-jre-headless")
    # Written last, so a download that was cut short is done again.
    stamp = WORK / f"{libs.parent.name}-{libs.name}.xml"
    if not (stamp.exists() and stamp.read_text() == pom.read_text() and list(libs.glob(there))):
        maven = command("mvn", "maven")
        say(f"fetching jars into {libs.relative_to(ROOT)}")
        run([maven, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={libs}", *more])
        stamp.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(pom, stamp)
    return libs


def venv_python():
    """A Python that has confluent-kafka: it produces the topics and runs the loop."""
    wanted = ROOT / "bench" / "requirements.txt"
    stamp = VENV / "requirements.txt"
    if stamp.exists() and stamp.read_text() == wanted.read_text():
        return VENV_PYTHON
    say(f"making {VENV.relative_to(ROOT)}")
    make = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    if subprocess.run(make, capture_output=True).returncode != 0:
        apt_install("python3-venv")
        run(make)
    run([str(VENV_PYTHON), "-m", "pip", "-q", "--disable-pip-version-check", "install", "-r", str(wanted)])
    shutil.copy(wanted, stamp)
    return VENV_PYTHON


def archiver():
    """The program itself; it is built by make before the benchmark starts."""
    return built("release/archiver", "ARCHIVER_BIN", "cargo build --release")


def analyze():
    """The second program, likewise."""
    return built("analyze/archiver-analyze", "ARCHIVER_ANALYZE_BIN", "make analyze")


def built(path, variable, how):
    path = Path(os.environ.get(variable, ROOT / "target" / path))
    if not path.is_file():
        raise Missing(f"{path.name} has not been built ({how}, or set {variable})")
    return path.resolve()


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()


def run(arguments):
    done = subprocess.run(arguments, capture_output=True, text=True)
    if done.returncode != 0:
        raise Missing(f"{Path(arguments[0]).name} failed: {last_line(done.stderr + done.stdout)}")
    return done.stdout


def last_line(text):
    return (text.strip().splitlines() or ["it said nothing"])[-1]
