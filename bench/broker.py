"""One real Kafka for the benchmark: one JVM, KRaft, on 127.0.0.1 only, ended with the benchmark."""

import os
import subprocess
import time

import proc
import setup
from setup import ROOT, WORK, Missing, last_line, say

CLUSTER_ID = "YXJjaGl2ZXItYmVuY2gtMQ"
DELETE_TIMEOUT_S = 300
START_TIMEOUT_S = 300  # with thousands of partitions, after a stop that was none
STOP_TIMEOUT_S = 120

# The socket buffers: with Kafka's default of 100 kB it is the broker that limits every program on
# loopback. Retention is off because the topics are kept from one invocation to the next; what is
# dropped makes room for the next at once.
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
socket.send.buffer.bytes=-1
socket.receive.buffer.bytes=-1
socket.request.max.bytes=200000000
auto.create.topics.enable=false
log.retention.ms=-1
log.segment.delete.delay.ms=1000
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
"""


class Broker:
    """`with Broker(libs) as broker:` — it answers at `broker.address` inside the block.

    One in a directory that is thrown away is for so many partitions that starting and stopping with them takes
    minutes.
    """

    def __init__(self, libs, thrown_away=None):
        self.libs = libs
        self.thrown_away = thrown_away is not None
        self.home = thrown_away or WORK / "kafka"
        self.data = self.home / "data"
        self.log = self.home / "server.log"
        self.process = None
        self.address = None

    @property
    def version(self):
        jar = next(self.libs.glob("kafka_2.13-*.jar"))
        return jar.stem.removeprefix("kafka_2.13-")

    def __enter__(self):
        self.home.mkdir(parents=True, exist_ok=True)
        port, controller = setup.free_ports(2)
        self.address = f"127.0.0.1:{port}"
        properties = self.home / "server.properties"
        properties.write_text(PROPERTIES.format(port=port, controller=controller, data=self.data))
        if not (self.data / "meta.properties").exists():
            self._format(properties)
        say(f"starting Kafka {self.version}")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["java", "-Xmx1g", "-cp", f"{self.libs}/*", "kafka.Kafka", str(properties)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the driver, which then stops it in order
                preexec_fn=proc.die_with_parent,
            )
        try:
            self._wait_until_up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        process, self.process = self.process, None
        if process is None:
            return
        if self.thrown_away:
            process.kill()
        else:
            process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def cpu_seconds(self):
        return proc.cpu_seconds(self.process.pid)

    def make_topics(self, topic, names):
        """Topics of the shape of `topic`, unless they are there from the last time."""
        shape = (topic.partitions, topic.records, topic.record_bytes, topic.codec, topic.times)
        self._run("produce.py", shape, names, "the topics could not be made")
        os.sync()  # or the writing back of what was produced disturbs the first runs
        self.read_topics(topic, names)

    def read_topics(self, topic, names):
        """Into the page cache, which forgets within minutes: a slow disk would be measured, and it stalls writers."""
        for partition in (f"{name}-{number}" for name in names for number in range(topic.partitions)):
            for log in (self.data / partition).glob("*.log"):
                with open(log, "rb") as file:
                    while file.read(1 << 20):
                        pass

    def drop_topics(self, names):
        """And waits until nothing is left of them: removing a thousand stalls a disk for most of a minute."""
        self._run("send.py", ["drop"], names, "the topics could not be dropped")
        self.await_deleted()

    def await_deleted(self):
        deadline = time.monotonic() + DELETE_TIMEOUT_S
        while time.monotonic() < deadline:
            if not any(name.endswith("-delete") for name in os.listdir(self.data)):
                os.sync()
                return
            time.sleep(0.5)
        raise Missing("the broker did not remove the topics that were dropped")

    def _run(self, script, arguments, names, otherwise):
        """A script of this directory, which takes the topics' names from its standard input."""
        command = [setup.venv_python(), ROOT / "bench" / script, self.address, *arguments]
        command = list(map(str, command))
        done = subprocess.run(command, input="\n".join(names), text=True, preexec_fn=proc.die_with_parent)
        if done.returncode != 0:
            raise Missing(otherwise)

    def _format(self, properties):
        tool = ["java", "-cp", f"{self.libs}/*", "kafka.tools.StorageTool"]
        arguments = ["format", "-t", CLUSTER_ID, "-c", str(properties)]
        done = subprocess.run(tool + arguments, capture_output=True, text=True)
        if done.returncode != 0:
            raise Missing(f"formatting Kafka's storage failed: {last_line(done.stderr)}")

    def _wait_until_up(self):
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            if b"Kafka Server started" in self.log.read_bytes():
                return
            time.sleep(0.1)
        raise Missing(f"Kafka did not start; its log is {self.log}")
