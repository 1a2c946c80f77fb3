"""The other programs: what people use today, and what only reads."""

import itertools
import os

import setup
from measure import Job
from programs import Program, write_text

LABELS = {
    "kcat": "kcat to a file",
    "kcat-gzip": "kcat \\| gzip -1",
    "kcat-zstd": "kcat \\| zstd -1 -T0",
    "kcat-json": "kcat -J to a file",
    "perf": "ConsumerPerformance (writes nothing)",
    "rsyslog": "rsyslog (imkafka, omfile)",
    "connect": "Kafka Connect FileStreamSink",
    "loop": "Python loop (confluent-kafka)",
}
KCATS = {
    "kcat": (None, "", []),
    "kcat-gzip": (["gzip", "-1"], ".gz", []),
    "kcat-zstd": (["zstd", "-1", "-T0", "-q", "-c"], ".zst", []),
    "kcat-json": (None, "", ["-J"]),
}
# What a program reads in a group must be new each time, or it goes on where the last run ended.
GROUPS = (f"bench-{os.getpid()}-{i}" for i in itertools.count())


def program(key, address, topic):
    if key in KCATS:
        return kcat(key, address, topic)
    return {"perf": consumer_performance, "rsyslog": rsyslog, "connect": connect, "loop": loop}[key](address, topic)


def kcat(key, address, topic):
    compressor, ending, more = KCATS[key]
    # Assigned, not subscribed, and its output buffered: unbuffered (-u) it is five times slower.
    read = [setup.command("kcat"), "-C", "-b", address, "-t", topic.name, "-o", "beginning", "-e", "-q", *more]
    if compressor:
        compressor = [setup.command(compressor[0]), *compressor[1:]]

    def job(directory):
        file = directory / f"metrics.ndjson{ending}"
        commands = [read, compressor] if compressor else [read]
        return Job(commands=commands, files=[file], stdout=file, only_values=not more, ends_itself=True)

    return Program(key, LABELS[key], topic, job)


def loop(address, topic):
    python = setup.venv_python()
    script = setup.ROOT / "bench" / "loop.py"

    def job(directory):
        file = directory / "metrics.ndjson"
        command = [str(python), str(script), address, topic.name, str(file), str(topic.records)]
        return Job(commands=[command], files=[file], ends_itself=True)

    return Program("loop", LABELS["loop"], topic, job)


RSYSLOG = """\
global(workDirectory="{directory}" maxMessageSize="64k")
module(load="imkafka")
template(name="line" type="string" string="%rawmsg%\\n")
input(type="imkafka" broker="{address}" topic="{topic}" consumergroup="{group}"
      confParam=["auto.offset.reset=earliest"] ruleset="capture")
ruleset(name="capture" queue.type="FixedArray" queue.size="100000" queue.dequeueBatchSize="2048") {{
  action(type="omfile" file="{file}" template="line" ioBufferSize="256k")
}}
"""


def rsyslog(address, topic):
    daemon = setup.command("rsyslogd", "rsyslog", "/usr/sbin")
    setup.rsyslog_kafka()

    def job(directory):
        file = directory / "metrics.ndjson"
        facts = {"directory": directory, "address": address, "topic": topic.name, "group": next(GROUPS), "file": file}
        config = write_text(directory / "rsyslog.conf", RSYSLOG.format(**facts))
        command = [daemon, "-n", "-iNONE", "-f", str(config)]
        # Debian's sometimes crashes while it stops, when all has long been written.
        return Job(commands=[command], files=[file], bytes_per_file=topic.file_bytes, exit_codes=(0, -11))

    return Program("rsyslog", LABELS["rsyslog"], topic, job)


# As delivered, but for the place of its files, and converters that hand the value on as it is.
CONNECT_WORKER = """\
bootstrap.servers={address}
key.converter=org.apache.kafka.connect.storage.StringConverter
value.converter=org.apache.kafka.connect.storage.StringConverter
offset.storage.file.filename={directory}/offsets
listeners=http://127.0.0.1:{port}
plugin.path={plugins}
plugin.discovery=service_load
consumer.auto.offset.reset=earliest
"""
CONNECT_SINK = """\
name={group}
connector.class=org.apache.kafka.connect.file.FileStreamSinkConnector
tasks.max=1
topics={topic}
file={file}
"""


def connect(address, topic):
    libs, plugins = setup.kafka_libs(), setup.connect_libs()

    def job(directory):
        file = directory / "metrics.ndjson"
        worker = CONNECT_WORKER.format(
            address=address, directory=directory, port=setup.free_ports(1)[0], plugins=plugins
        )
        sink = CONNECT_SINK.format(group=next(GROUPS), topic=topic.name, file=file)
        # The memory that its own start script gives it.
        command = ["java", "-Xms256m", "-Xmx2g", *setup.QUIET_JAVA, "-cp", f"{libs}/*"]
        command += ["org.apache.kafka.connect.cli.ConnectStandalone"]
        command += [str(write_text(directory / "worker.properties", worker))]
        command += [str(write_text(directory / "sink.properties", sink))]
        # Java ends with 128 + 15 when it is asked to stop, however clean that was.
        return Job(commands=[command], files=[file], bytes_per_file=topic.file_bytes, exit_codes=(0, 143))

    return Program("connect", LABELS["connect"], topic, job)


def consumer_performance(address, topic):
    libs = setup.kafka_libs()

    def job(directory):
        command = ["java", "-Xmx512m", *setup.QUIET_JAVA, "-cp", f"{libs}/*"]
        command += ["org.apache.kafka.tools.ConsumerPerformance", "--bootstrap-server", address]
        command += ["--topic", topic.name, "--num-records", str(topic.records), "--group", next(GROUPS)]
        command += ["--hide-header", "--timeout", "60000"]
        return Job(commands=[command], files=[], stdout=directory / "said", ends_itself=True, figures=what_it_said)

    return Program("perf", LABELS["perf"], topic, job)


def what_it_said(text):
    """(records, seconds of fetching): its own figures, without the time that joining the group took."""
    fields = [field.strip() for field in text.strip().splitlines()[-1].split(",")]
    return int(fields[4]), int(fields[7]) / 1000
