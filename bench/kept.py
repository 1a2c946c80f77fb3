"""Archives in segments that are kept for the next time, as it takes minutes to make them."""

import shutil
import subprocess

import proc
import setup
import verify
from setup import WORK, Failed, last_line, say

ARCHIVES = WORK / "archives"
ENDINGS = {"zstd": "zst", "gzip": "gz"}


def archive(broker, topic, codec, segment_size):
    """The directory of an archive of all the topic's records, with its segments sealed."""
    place = ARCHIVES / f"{topic.name}-{codec}-{segment_size}"
    # Written last, so one that was cut short is made again.
    stamp = place.with_suffix(".whole")
    if not stamp.exists():
        shutil.rmtree(place, ignore_errors=True)
        broker.make_topics(topic, [topic.name])
        say(f"archiving {topic.records:,} records, {codec}")
        capture(broker, topic, codec, segment_size, place)
        lines, size = map(sum, zip(*map(verify.count, segments(place)), strict=True))
        if (lines, size) != (topic.records, topic.file_bytes):
            raise Failed(f"{place.name} has {lines:,} lines and {size:,} bytes unpacked")
        stamp.touch()
    return place


def capture(broker, topic, codec, segment_size, place):
    command = [setup.archiver(), "-q", "capture", "-b", broker.address, "-t", topic.name, "--all"]
    command += ["-o", place / f"{{seq:06}}.ndjson.{ENDINGS[codec]}", "--set", f'rotate={{ size = "{segment_size}" }}']
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, preexec_fn=proc.die_with_parent)
    if done.returncode != 0:
        raise Failed(f"archiver capture failed: {last_line(done.stderr)}")


def segments(place):
    return sorted(verify.segments(place))


def name(place):
    """What its archive is called as a table."""
    (state,) = (place / ".archiver").iterdir()
    return state.name


def size(place):
    """What its segments take up."""
    return sum(segment.stat().st_size for segment in segments(place))


def read(place):
    """Into the page cache, as that is not what is measured."""
    for segment in segments(place):
        with open(segment, "rb") as file:
            while file.read(1 << 20):
                pass
