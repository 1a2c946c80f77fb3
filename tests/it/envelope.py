"""Reads lines of `format = "json"` as anybody would, and writes the records as tests/kafka/Dump.java does."""

import base64
import json
import struct
import sys


def main():
    out = sys.stdout.buffer
    with open(sys.argv[1], encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            out.write(struct.pack(">iq", record["partition"], record["offset"]))
            write(out, field(record, "value"))
            kind = {None: -1, "create": 0, "append": 1}[record["timestamp_type"]]
            out.write(struct.pack(">qi", -1 if kind == -1 else record["timestamp"], kind))
            write(out, field(record, "key"))
            out.write(struct.pack(">i", len(record["headers"])))
            for name, value in record["headers"]:
                write(out, plain(name))
                write(out, plain(value))


def field(record, name):
    if f"{name}_base64" in record:
        assert name not in record
        return base64.b64decode(record[f"{name}_base64"], validate=True)
    value = record[name]
    if value is None or isinstance(value, str):
        return plain(value)
    # The value itself was JSON; the test's own is as compact as this.
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def plain(value):
    if isinstance(value, dict):
        return base64.b64decode(value["base64"], validate=True)
    return None if value is None else value.encode()


def write(out, value):
    out.write(struct.pack(">i", -1 if value is None else len(value)))
    out.write(value or b"")


main()
