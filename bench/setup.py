"""Finds what the benchmark needs, or installs it; what can't be had is left out with a reason."""

import ctypes
import os
import shutil
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


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def command(name, package=None):
    """The path of a program, installed through apt when that is possible."""
    if not shutil.which(name):
        apt_install(package or name)
    path = shutil.which(name)
    if not path:
        raise Missing(f"{name} is not installed")
    return path


def library(name, package):
    """A shared library, installed through apt when that is possible."""
    try:
        ctypes.CDLL(name)
    except OSError:
        apt_install(package)


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
    command("java", "default-jre-headless")
    pom = next(p for p in (ROOT / "tests/kafka/pom.xml", ROOT / "bench/pom.xml") if p.exists())
    # Written last, so a download that was cut short is done again.
    stamp = WORK / "kafka-jars.xml"
    if not (stamp.exists() and stamp.read_text() == pom.read_text() and list(LIBS.glob("kafka_2.13-*.jar"))):
        maven = command("mvn", "maven")
        say(f"fetching Kafka's jars into {LIBS.relative_to(ROOT)}")
        run([maven, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={LIBS}"])
        shutil.copy(pom, stamp)
    return LIBS


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
    path = Path(os.environ.get("ARCHIVER_BIN", ROOT / "target" / "release" / "archiver"))
    if not path.is_file():
        raise Missing(f"{path.name} has not been built (cargo build --release, or set ARCHIVER_BIN)")
    return path.resolve()


def run(arguments):
    done = subprocess.run(arguments, capture_output=True, text=True)
    if done.returncode != 0:
        raise Missing(f"{Path(arguments[0]).name} failed: {last_line(done.stderr + done.stdout)}")
    return done.stdout


def last_line(text):
    return (text.strip().splitlines() or ["it said nothing"])[-1]
