"""archiver-analyze beside DuckDB and pandas: windows over 10 GB of JSON, a minute out of it, Parquet, the first row."""

import os
import statistics
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import builds
import kept
import question
import setup
import small
from onetopic import PARTITIONS, RECORD_BYTES
from programs import Topic
from question import ask_in_turn
from reading import GB, LARGE_RECORDS, WINDOW_S, WINDOW_S_QUICK, first_line
from report import MIB, Section, ratio
from rounds import scratch
from setup import WORK, Failed, say
from times import BEGAN_MS, RECORDS_PER_S

CODECS = ["zstd", "gzip"]
# Such a part of the records is in a smaller archive.
PART = 10
SEGMENT_SIZE, SEGMENT_SIZE_QUICK = "128MiB", "1MiB"
FILTER = "status = 200"
WINDOWS = ["--value", "ms", "--by", "service", "--tumbling", "1m", "--aggregates", "count"]
# By the time that stands in the records; else it is their timestamps, which only the index has.
BY_FIELD = ["--time", "time"]
OWN_SQL = f"""
SELECT epoch_ms(date_trunc('minute', time)) AS window_start, window_start + 60000 AS window_end, service, count(ms) AS count
FROM records WHERE {FILTER} GROUP BY ALL"""

OURS = "`archiver-analyze windows`"
OURS_BY_FIELD = "`archiver-analyze windows --time time`"
SAME_SQL = "DuckDB, the same SQL"
HEAD = ["archive", "program", "time", "× DuckDB, speed", "CPU", "× DuckDB, CPU", "peak memory"]


def section(broker, args):
    records = args.records if args.quick else LARGE_RECORDS
    large, part = (Topic(n, RECORD_BYTES, PARTITIONS, codec="zstd", times="own") for n in (records, records // PART))
    size = SEGMENT_SIZE_QUICK if args.quick else SEGMENT_SIZE
    archives = {codec: kept.archive(broker, large, codec, size) for codec in CODECS}
    part_archive = kept.archive(broker, part, "zstd", size)
    made = Section(f"Asked: {large.file_bytes / GB:.1f} GB of JSON, by `archiver-analyze` and by DuckDB")
    if args.quick:
        made.say(f"A smoke test: {large.file_bytes / GB:.2f} GB, where 10 GB are meant.")
    whole(made, archives, large, size, args)
    minute(made, archives, records, args)
    growth(made, part_archive, large, part, args)
    small_things(made, archives, part_archive, part, args)
    return made


# ---- what is asked -------------------------------------------------------------------------------------------------


def windows(place, *more):
    return ["windows", place, *WINDOWS, *more, "--format", "ndjson"]


def emitted(place, *more):
    """The same query for DuckDB."""
    command = [str(setup.analyze()), *map(str, windows(place, *more)), "--emit", "duckdb"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"archiver-analyze failed: {setup.last_line(done.stderr)}")
    return done.stdout


def json_view(name, place, codec, time_type):
    """Only the fields that are asked for, so that no others are read."""
    fields = {"time": time_type, "service": "VARCHAR", "status": "BIGINT", "ms": "DOUBLE"}
    return (
        f'CREATE VIEW "{name}" AS FROM read_json({list(map(str, kept.segments(place)))}, '
        f"format = 'newline_delimited', compression = '{codec}', columns = {fields})"
    )


def same_sql(key, topic, place, codec, *more, label=SAME_SQL):
    view = json_view(kept.name(place), place, codec, "VARCHAR")
    return question.duckdb(key, label, topic, view, emitted(place, *BY_FIELD, *more))


# ---- windows over all of it ----------------------------------------------------------------------------------------


def whole(made, archives, topic, segment_size, args):
    rows = []
    for codec, place in archives.items():
        kept.read(place)
        found = questions(f"analyze.{codec}", f"all of the {codec} archive", place, codec)
        ask_in_turn(made, found, args.runs)
        rows += rows_of(made, codec, found, f"analyze.{codec}.duckdb")
        for figure in ("wall_s", "cpu_s"):
            both = [made.figures[f"analyze.{codec}.{name}.{figure}"] for name in ("duckdb", "duckdb-own")]
            made.figures[f"analyze.{codec}.duckdb-best.{figure}"] = min(both)
    rows += parquet(made, archives["zstd"], args)
    made.table(HEAD, rows)
    made.say(
        f"{topic.records:,} records of {RECORD_BYTES} B in segments of {segment_size}, in the page cache: how many there "
        f"are of each of 8 services in each minute, where `{FILTER}`. All answers are the same. The same SQL: what "
        "`--emit duckdb` prints, over `read_json` with the four fields that it needs. Written for it alone: `time` is a "
        "TIMESTAMP and is cut to the minute. × DuckDB: against the same SQL. Without `--time`, windows are by the "
        "records' timestamps, which only the index has; they are the same times. archiver-analyze is measured as a whole "
        "process, DuckDB without the start of Python, but for its memory. Parquet: the zstd archive, written by "
        "`archiver-analyze parquet --zstd`; both by its timestamps."
    )


def questions(key, topic, place, codec):
    where = ["--filter", FILTER]
    own_view = json_view("records", place, codec, "TIMESTAMP")
    return [
        question.analyze(f"{key}.field", OURS_BY_FIELD, topic, *windows(place, *BY_FIELD, *where)),
        question.analyze(f"{key}.index", f"{OURS}, without `--time`", topic, *windows(place, *where)),
        same_sql(f"{key}.duckdb", topic, place, codec, *where),
        question.duckdb(f"{key}.duckdb-own", "DuckDB, SQL written for it alone", topic, own_view, OWN_SQL),
    ]


def rows_of(made, archive, found, against):
    return [[archive, q.label, *figures(made.figures, q.key, against)] for q in found]


def figures(f, key, against):
    return [
        f"{f[f'{key}.wall_s']:.2f} s",
        ratio(f, f"{against}.wall_s", f"{key}.wall_s"),
        f"{f[f'{key}.cpu_s']:.2f} s",
        ratio(f, f"{key}.cpu_s", f"{against}.cpu_s"),
        f"{f[f'{key}.peak_bytes'] / MIB:.0f} MiB",
    ]


def parquet(made, place, args):
    """The archive as Parquet, and the same asked of that."""
    key, topic, where = "analyze.parquet", "Parquet", ["--filter", FILTER]
    with scratch(WORK) as directory:
        exporting = ["parquet", place, "-o", directory, "--zstd"]
        # One run is enough of what takes so long, and which nothing is compared with.
        question.note(made, f"{key}.export", [question.run(list(map(str, [setup.analyze(), *exporting])))])
        os.sync()
        lake = Path(directory) / kept.name(place)
        files = sorted(map(str, lake.rglob("*.parquet")))
        made.figures[f"{key}.bytes"] = kept.size(lake)
        view = f'CREATE VIEW "{lake.name}" AS FROM read_parquet({files})'
        found = [
            question.analyze(f"{key}.own", OURS, topic, *windows(lake, *where)),
            question.duckdb(f"{key}.duckdb", SAME_SQL, topic, view, emitted(lake, *where)),
        ]
        kept.read(lake)
        ask_in_turn(made, found, args.runs)
    return rows_of(made, "Parquet", found, f"{key}.duckdb")


# ---- a minute out of it --------------------------------------------------------------------------------------------


def minute(made, archives, records, args):
    window_s = WINDOW_S_QUICK if args.quick else WINDOW_S
    from_s = BEGAN_MS // 1000 + records // 2 // RECORDS_PER_S // window_s * window_s
    since, until = (datetime.fromtimestamp(s, UTC).strftime("%Y-%m-%dT%H:%M:%S") for s in (from_s, from_s + window_s))
    rows = []
    for codec, place in archives.items():
        kept.read(place)
        key, topic = f"analyze.{codec}.minute", f"{window_s} s of the {codec} archive"
        ours = windows(place, *BY_FIELD, "--filter", FILTER, "--since", f"{since}Z", "--until", f"{until}Z")
        # As texts they have the order of the times.
        theirs = ["--filter", f"{FILTER} AND time >= '{since}' AND time < '{until}'"]
        found = [
            question.analyze(key, "`archiver-analyze windows --time time --since … --until …`", topic, *ours),
            same_sql(f"{key}-duckdb", topic, place, codec, *theirs, label=f"{SAME_SQL}, with a condition on `time`"),
        ]
        ask_in_turn(made, found, args.runs)
        rows += rows_of(made, codec, found, f"{key}-duckdb")
    made.table(HEAD, rows)
    made.say(f"{window_s} s in the middle. archiver-analyze goes by the index, DuckDB looks at all.")


# ---- how it grows --------------------------------------------------------------------------------------------------


def growth(made, place, topic, part, args):
    """A tenth of it, which pandas is asked of too."""
    kept.read(place)
    key, asked_of, where = "analyze.part", f"{part.file_bytes / GB:.1f} GB", ["--filter", FILTER]
    found = [
        question.analyze(f"{key}.field", OURS_BY_FIELD, asked_of, *windows(place, *BY_FIELD, *where)),
        same_sql(f"{key}.duckdb", asked_of, place, "zstd", *where),
        question.pandas(f"{key}.pandas", "a loop with pandas", asked_of, kept.segments(place)),
    ]
    ask_in_turn(made, found, args.runs)
    f, times = made.figures, topic.records / part.records
    f["analyze.pandas.wall_s"] = f[f"{key}.pandas.wall_s"] * times
    rows = rows_of(made, "zstd", found, f"{key}.duckdb")
    for q, row in zip(found, rows, strict=True):
        larger = q.key.replace(".part.", ".zstd.")
        row += [ratio(f, f"{larger}.{name}", f"{q.key}.{name}") for name in ("wall_s", "cpu_s", "peak_bytes")]
    made.table([*HEAD, f"time × for {times:.0f} × as much", "CPU", "memory"], rows)
    made.say(
        f"{part.records:,} records; the last columns are what the same took of all {topic.records:,} against it. The loop "
        f"with pandas gets its lines from `zstd -dc`, 100,000 at a time. It was not asked of all: {times:.0f} times "
        f"its time would be {f['analyze.pandas.wall_s']:,.0f} s, "
        f"{ratio(f, 'analyze.pandas.wall_s', 'analyze.zstd.field.wall_s')} times that of archiver-analyze."
    )


# ---- small things --------------------------------------------------------------------------------------------------


def small_things(made, archives, part_place, part, args):
    f = made.figures
    f["analyze.peak_bytes"] = max(
        f[f"analyze.{asked}.peak_bytes"]
        for asked in ("parquet.own", "parquet.export", *(f"{c}.{n}" for c in CODECS for n in ("field", "index", "minute")))
    )
    for key, place in [("large", archives["zstd"]), ("part", part_place)]:
        first_row(made, f"analyze.first-{key}", place, args)
    f["analyze.binary_bytes"] = small.stripped_bytes(setup.analyze())
    f["analyze.daemon_bytes"] = small.stripped_bytes(setup.archiver())
    first = '`sql "SELECT * FROM records LIMIT 1"`, start to first row'
    export = [f"analyze.parquet.export.{name}" for name in ("wall_s", "cpu_s", "peak_bytes")]
    sizes = {codec: kept.size(place) for codec, place in archives.items()} | {"Parquet": f["analyze.parquet.bytes"]}
    rows = [
        [first, f"{f['analyze.first-large_s'] * 1000:.0f} ms"],
        [f"the same of {part.file_bytes / GB:.1f} GB", f"{f['analyze.first-part_s'] * 1000:.0f} ms"],
        ["`parquet --zstd` of the zstd archive, one run",
         f"{f[export[0]]:.1f} s, {f[export[1]]:.1f} s of CPU, {f[export[2]] / MIB:.0f} MiB"],
        *([f"its size: {name}", f"{size / GB:.2f} GB"] for name, size in sizes.items()),
        ["archiver-analyze on disk, stripped", f"{f['analyze.binary_bytes'] / MIB:.1f} MiB"],
        ["archiver on disk, stripped", f"{f['analyze.daemon_bytes'] / MIB:.1f} MiB"],
    ]  # fmt: skip
    for name, (wall_s, cpu_s) in (builds.times() if args.build_times else {}).items():
        f |= {f"analyze.build-{name}.wall_s": wall_s, f"analyze.build-{name}.cpu_s": cpu_s}
        rows.append([f"{name} built from nothing", f"{wall_s:.0f} s, {cpu_s:.0f} s of CPU"])
    made.table(["", ""], rows)


def first_row(made, key, place, args):
    kept.read(place)
    command = [str(setup.analyze()), "sql", "SELECT * FROM records LIMIT 1", str(place), "--format", "ndjson"]
    seconds = [first_line(command, 1)[0] for _ in range(args.runs)]
    say(f"{key}: {', '.join(f'{s * 1000:.0f} ms' for s in seconds)}")
    made.runs += [{"program": key, "first_line_s": s} for s in seconds]
    made.figures[f"{key}_s"] = statistics.median(seconds)
