"""What the figures should reach. A missed target is a finding, never a failure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    text: str
    sense: str  # ≥ or ≤
    wanted: float
    unit: str
    figure: str  # its name in the report …
    other: str | None = None  # … against this one
    scale: float = 1

    def reached(self, figures):
        value = figures.get(self.figure)
        if value is None:
            return None
        if self.other is None:
            return value * self.scale
        other = figures.get(self.other)
        return value / other * self.scale if other else None

    def met(self, reached):
        return reached >= self.wanted if self.sense == "≥" else reached <= self.wanted


def rate(key):
    return f"{key}.records_per_s"


def cpu(key):
    return f"{key}.cpu_ns_per_record"


def size(key):
    return f"{key}.file_bytes_per_record"


MB = 1 / 1_000_000
MIB = 1 / (1 << 20)

TARGETS = [
    Target("raw, records/s against kcat to a file", "≥", 1.8, "×", rate("raw"), rate("kcat")),
    Target("raw, records/s against ConsumerPerformance", "≥", 1.5, "×", rate("raw"), rate("perf")),
    Target("raw, records/s against Kafka Connect", "≥", 4, "×", rate("raw"), rate("connect")),
    Target("raw, records/s against the Python loop", "≥", 18, "×", rate("raw"), rate("loop")),
    Target("raw, CPU per record against kcat", "≤", 0.8, "×", cpu("raw"), cpu("kcat")),
    Target("raw, archiver's own share of its CPU", "≤", 20, " %", "profile.own_percent"),
    Target("raw, peak memory", "≤", 100, " MB", "raw.peak_bytes", scale=MB),
    Target("zstd, records/s against raw", "≥", 0.7, "×", rate("zstd"), rate("raw")),
    Target("zstd, records/s against kcat \\| zstd -1 -T0", "≥", 3, "×", rate("zstd"), rate("kcat-zstd")),
    Target("zstd, size of the file against kcat \\| zstd -1 -T0", "≤", 1.15, "×", size("zstd"), size("kcat-zstd")),
    Target("gzip, records/s against raw", "≥", 0.45, "×", rate("gzip"), rate("raw")),
    Target("gzip, records/s against kcat \\| gzip -1", "≥", 6, "×", rate("gzip"), rate("kcat-gzip")),
    Target("gzip, size of the file against kcat \\| gzip -1", "≤", 1.15, "×", size("gzip"), size("kcat-gzip")),
    Target("format = json, records/s against kcat -J", "≥", 5, "×", rate("json"), rate("kcat-json")),
    *(Target(f"{codec}: rotation, manifest and index, records/s against the program before them", "≥", 95, " %",
             rate(f"segments.{codec}-rotated"), rate(f"segments.{codec}-before"), scale=100)
      for codec in ("raw", "zstd")),
    Target("raw: the index, CPU against none", "≤", 1.02, "×", cpu("segments.raw-index"), cpu("segments.raw-no-index")),
    Target("raw: the index, bytes per record", "≤", 3, " B", "segments.raw-index.index_bytes_per_record"),
    *(Target(f"{codec}: 200 open segments by `{{{kind}}}`, records/s against one file", "≥", 70, " %",
             rate(f"paths.{kind}-{codec}-many"), rate(f"paths.{kind}-{codec}-one"), scale=100)
      for kind in ("partition", "time") for codec in ("raw", "zstd")),
    *(Target(f"`archiver verify`, {codec}, plain text for each second of CPU", "≥", 1, " GB",
             f"reading.verify-{codec}.gb_per_cpu_s") for codec in ("raw", "zstd")),
    Target("`archiver cat` of a zstd archive against `zstd -dc`", "≥", 0.9, "×",
           "reading.cat-zstd.gb_per_s", "reading.stock-zstd.gb_per_s"),
    Target("`archiver cat --since` of a minute out of 10 GB, from the disk: first line", "≤", 100, " ms",
           "since.cold.first_line_s", scale=1000),
    *(Target(f"`archiver-analyze windows` of 10 GB in {codec}, speed against DuckDB", "≥", 1, "×",
             f"analyze.{codec}.duckdb-best.wall_s", f"analyze.{codec}.field.wall_s") for codec in ("zstd", "gzip")),
    *(Target(f"`archiver-analyze windows` of a minute out of 10 GB in {codec}, speed against DuckDB", "≥", 50, "×",
             f"analyze.{codec}.minute-duckdb.wall_s", f"analyze.{codec}.minute.wall_s") for codec in ("zstd", "gzip")),
    Target("`archiver-analyze windows` of Parquet, speed against DuckDB", "≥", 0.8, "×", "analyze.parquet.duckdb.wall_s",
           "analyze.parquet.own.wall_s"),
    Target("`archiver-analyze`, peak memory", "≤", 1024, " MiB", "analyze.peak_bytes", scale=MIB),
    Target("`archiver-analyze sql` of 10 GB, start to first row", "≤", 0.3, " s", "analyze.first-large_s"),
    Target("the same of 1 GB", "≤", 0.3, " s", "analyze.first-part_s"),
    Target("`capture --all`, records/s against the service", "≥", 95, " %", rate("capture.all"), rate("capture.service"),
           scale=100),
    Target("`capture --since … --until …`, start to last byte against kcat", "≤", 1, "×", "capture.part.last_byte_s",
           "capture.kcat.last_byte_s"),
    Target("`capture --since …` behind 100,000,000 records, first byte", "≤", 1, " s", "capture.last.first_byte_s"),
    Target("the same, records read for each that is wanted", "≤", 1.05, "×", "capture.last.read_share"),
    Target("`capture` of 500 topics, memory", "≤", 256, " MiB", "capture.many.peak_bytes", scale=MIB),
    Target("first record of a backlog in the file", "≤", 0.2, " s", "raw.first_byte_s"),
    Target("1,000 archives, records/s against 1 archive", "≥", 60, " %", rate("load"), rate("one"), scale=100),
    Target("1,000 archives, full load, memory", "≤", 256, " MiB", "load.peak_bytes", scale=MIB),
    Target("1,000 archives, threads", "≤", 16, "", "load.threads"),
    Target("1,000 archives with rotation and index, full load, memory", "≤", 256, " MiB", "segments.load.peak_bytes",
           scale=MIB),
    Target("1,000 archives with rotation and index, threads", "≤", 16, "", "segments.load.threads"),
    Target("1,000 archives with rotation and index, idle, CPU of one core", "≤", 2, " %",
           "segments.idle-segments.cpu_percent"),
    Target("1,000 archives, idle, CPU of one core", "≤", 2, " %", "live.idle_cpu_percent"),
    Target("1,000 archives, idle, memory", "≤", 64, " MiB", "live.idle_bytes", scale=MIB),
    Target("1,000 archives, 1,000,000 records, start to last byte", "≤", 1.5, " s", "thousand.last_byte_s"),
    Target("1,000 archives, start to consuming after a clean stop", "≤", 1.5, " s", "live.clean_start_s"),
    Target("1,000 archives, start to consuming after kill -9", "≤", 3, " s", "live.kill_start_s"),
    Target("1,000 archives, clean stop", "≤", 2, " s", "live.stop_s"),
    Target('1,000 archives, records/s at `checkpoint = "5s"` against `"1h"`', "≥", 85, " %",
           rate("checkpoint-5s"), rate("checkpoint-1h"), scale=100),
    Target("999 trickling archives beside a backlog, p99 produced to readable", "≤", 1.5, " s", "fairness.p99_s"),
    Target('produced to readable at `flush = "1s"`, worst p99', "≤", 1.15, " s", "latency-1s.p99_s"),
    Target('produced to readable at `flush = "100ms"`, worst p99', "≤", 0.25, " s", "latency-100ms.p99_s"),
    Target("`replay --speed max`, records/s against kcat -P", "≥", 1, "×", rate("replay.archiver"), rate("replay.kcat")),
    Target("`replay --speed max`, records/s against ProducerPerformance", "≥", 0.8, "×", rate("replay.archiver"),
           rate("replay.perf")),
    Target("`replay --speed max`, CPU per record against kcat -P", "≤", 0.7, "×", cpu("replay.archiver"), cpu("replay.kcat")),
    Target("`replay --speed max`, peak memory", "≤", 128, " MiB", "replay.archiver.peak_bytes", scale=MIB),
    *(Target(f"`replay`, {per_s:,} records/s by the clock: late by the broker's stamps, p99", "≤", most, " ms",
             f"replay.clock-{per_s}.p99_ms") for per_s, most in ((1_000, 2), (10_000, 2), (100_000, 5))),
    Target("1,000 archives, a scrape of the metrics", "≤", 50, " ms", "service.scrape_s", scale=1000),
    Target("1,000 archives, scraped every 15 s, CPU of one core", "≤", 1, " %", "service.scrape_cpu_percent"),
    Target("page open and metrics scraped, records/s against neither", "≥", 98, " %", rate("service.seen"),
           rate("service.unseen"), scale=100),
    Target("10,000 requests that mean harm, 100,000 records/s: oldest record when it can be read", "≤", 1.5, " s",
           "service.harm.max_s"),
    Target("the same, memory against before", "≤", 1.25, "×", "service.harm.most_bytes", "service.harm.before_bytes"),
    Target("one idle archive, CPU of one core", "≤", 0.3, " %", "small.idle_cpu_percent"),
    Target("`archiver --version`", "≤", 10, " ms", "small.version_s", scale=1000),
    Target("the program, stripped", "≤", 15, " MiB", "small.binary_bytes", scale=MIB),
]  # fmt: skip


def reached(figures):
    """For JSON."""
    return [
        {"target": t.text, "sense": t.sense, "wanted": t.wanted, "unit": t.unit, "reached": t.reached(figures)}
        for t in TARGETS
    ]


def table(figures):
    lines = ["| target | wanted | reached | |", "|---|---|---|---|"]
    for t in TARGETS:
        value = t.reached(figures)
        if value is None:
            said, verdict = "", "not measured"
        else:
            said = f"{value:.2f}{t.unit}" if t.unit in ("×", " s", " %", " B", " GB") else f"{value:,.0f}{t.unit}"
            verdict = "reached" if t.met(value) else "**missed**"
        lines.append(f"| {t.text} | {t.sense} {t.wanted:,g}{t.unit} | {said} | {verdict} |")
    return [*lines, ""]
