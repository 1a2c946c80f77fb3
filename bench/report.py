"""Medians, ratios and targets, as Markdown and as JSON."""

import platform
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path

import proc

MB = 1_000_000
OTHERS_CORES_MAX = 0.1  # beyond it a run had company, and the report says so


@dataclass
class Result:
    """All runs of one program, and their medians if all went well."""

    key: str
    label: str
    records: int = 0  # of one run, over all its files
    runs: list = None
    skipped: str | None = None

    @property
    def good(self):
        return [r for r in self.runs or [] if r.problem is None]

    @property
    def problem(self):
        """Why there is no figure: one failed run is enough, as it may be the slow one."""
        return self.skipped or next((r.problem for r in self.runs if r.problem), None)

    def median(self, figure):
        return statistics.median(figure(r) for r in self.runs)

    def figures(self):
        if self.problem:
            return None
        rates = [r.records_per_s(self.records) for r in self.runs]
        return {
            "records_per_s": statistics.median(rates),
            "records_per_s_lowest": min(rates),
            "records_per_s_highest": max(rates),
            "cpu_ns_per_record": self.median(lambda r: r.cpu_s) / self.records * 1e9,
            "peak_bytes": self.median(lambda r: r.peak_bytes),
            "first_byte_s": self.median(lambda r: r.first_byte_s),
            "most_bytes_s": self.median(lambda r: r.most_bytes_s),
            "last_byte_s": self.median(lambda r: r.last_byte_s),
            "threads": self.median(lambda r: r.threads),
            "file_bytes_per_record": self.median(lambda r: r.file_bytes) / self.records,
            "broker_cpu_ns_per_record": self.median(lambda r: r.broker_cpu_s) / self.records * 1e9,
        }


class Report:
    def __init__(self, facts, one_topic, thousand):
        self.facts = facts
        self.one_topic = one_topic
        self.thousand = thousand
        everything = one_topic + ([thousand] if thousand else [])
        self.figures = {r.key: r.figures() for r in everything}
        self.failed = [r for r in everything if not r.skipped and r.problem]
        self.others = max((run.other_cores for r in everything for run in r.good), default=0.0)

    def json(self):
        return {
            "facts": self.facts,
            "programs": [
                {
                    "key": r.key,
                    "label": r.label.replace("\\", ""),
                    "records": r.records,
                    "problem": r.problem,
                    "median": self.figures[r.key],
                    "runs": [asdict(run) for run in r.runs or []],
                }
                for r in self.one_topic + ([self.thousand] if self.thousand else [])
            ],
            "targets": [
                {"target": text, "unit": unit, "sense": sense, "wanted": wanted, "reached": reached}
                for text, sense, wanted, unit, reached in self.targets()
            ],
        }

    def markdown(self):
        parts = [self._intro(), self._one_topic()]
        if self.thousand:
            parts.append(self._thousand())
        parts.append(self._first_record())
        parts.append(self._targets())
        return "\n".join(parts)

    def targets(self):
        """(what, sense, wanted, unit, reached or None)"""
        return [
            ("raw, records/s against kcat to a file", "≥", 1.6, "×", self._ratio("raw", "kcat", "records_per_s")),
            ("raw, CPU per record against kcat", "≤", 0.9, "×", self._ratio("raw", "kcat", "cpu_ns_per_record")),
            ("raw, peak memory", "≤", 100, " MB", self._figure("raw", "peak_bytes", MB)),
            ("zstd, records/s against kcat \\| zstd -1 -T0", "≥", 2, "×",
             self._ratio("zstd", "kcat-zstd", "records_per_s")),
            ("gzip, records/s against kcat \\| gzip -1", "≥", 5, "×",
             self._ratio("gzip", "kcat-gzip", "records_per_s")),
            ("first record of a backlog in the file", "≤", 0.3, " s", self._figure("raw", "first_byte_s")),
            ("1,000 archives drained, from start to last byte", "≤", 3, " s", self._figure("thousand", "last_byte_s")),
            ("1,000 archives, threads", "≤", 24, "", self._figure("thousand", "threads")),
        ]  # fmt: skip

    def _figure(self, key, figure, unit=1):
        figures = self.figures.get(key)
        return figures[figure] / unit if figures else None

    def _ratio(self, key, other, figure):
        a, b = self._figure(key, figure), self._figure(other, figure)
        return a / b if a is not None and b else None

    def _intro(self):
        f = self.facts
        lines = [
            "# Benchmarks",
            "",
            f"{f['date']}, {f['archiver']}, {f['cores']} cores ({f['cpu']}), {f['memory_gb']:.0f} GB, "
            f"Linux {f['kernel']}, Kafka {f['kafka']} on the same cores. {f['runs']} "
            f"run{'s' if f['runs'] > 1 else ''} of each program, side by side in turn; medians. "
            "Whole processes, measured from outside; output to a tmpfs; every file's lines and bytes counted "
            "afterwards.",
        ]
        if self.others > OTHERS_CORES_MAX:
            lines += ["", f"The machine was shared: other processes took up to {self.others:.2f} cores during a run."]
        return "\n".join(lines + [""])

    def _one_topic(self):
        f = self.facts
        lines = [
            f"## One topic of {f['partitions']} partitions, {f['records']:,} JSON records of {f['record_bytes']} bytes",
            "",
            "| program | records/s | lowest–highest | × kcat | CPU per record | × kcat | peak memory | first byte "
            "| bytes per record in the file |",
            "|---|---|---|---|---|---|---|---|---|",
        ]
        for r in self.one_topic:
            figures = self.figures[r.key]
            if figures is None:
                lines.append(f"| {r.label} | {one_line(self._why_not(r))} | | | | | | | |")
                continue
            label = r.label if r.records == f["records"] else f"{r.label}, first {r.records:,} records"
            cells = [
                label,
                thousands(figures["records_per_s"]),
                f"{thousands(figures['records_per_s_lowest'])}–{thousands(figures['records_per_s_highest'])}",
                ratio(self._ratio(r.key, "kcat", "records_per_s")),
                f"{figures['cpu_ns_per_record']:,.0f} ns",
                ratio(self._ratio(r.key, "kcat", "cpu_ns_per_record")),
                f"{figures['peak_bytes'] / MB:.0f} MB",
                f"{figures['first_byte_s']:.2f} s",
                f"{figures['file_bytes_per_record']:.1f}",
            ]
            lines.append(f"| {' | '.join(cells)} |")
        lines += [
            "",
            "Records per second: from the first to the last byte in the file. CPU: user and system, of all the "
            "program's processes. First byte: from the start of the process.",
            "",
        ]
        return "\n".join(lines)

    def _thousand(self):
        r, figures = self.thousand, self.figures[self.thousand.key]
        lines = [f"## {r.label}, one process", ""]
        if figures is None:
            return "\n".join(lines + [one_line(self._why_not(r)), ""])
        lines += [
            "| start to last byte | start to first byte | records/s from the start | CPU per record | threads "
            "| peak memory |",
            "|---|---|---|---|---|---|",
            f"| {figures['last_byte_s']:.2f} s | {figures['first_byte_s']:.2f} s "
            f"| {thousands(r.records / figures['last_byte_s'])} | {figures['cpu_ns_per_record']:,.0f} ns "
            f"| {figures['threads']:.0f} | {figures['peak_bytes'] / MB:.0f} MB |",
            "",
        ]
        return "\n".join(lines)

    def _first_record(self):
        first = self._figure("raw", "first_byte_s")
        lines = ["## First record of a backlog", ""]
        if first is None:
            return "\n".join(lines + ["Not measured: it comes from the raw run above.", ""])
        runs = next(r for r in self.one_topic if r.key == "raw").runs
        worst = max(run.first_byte_s for run in runs)
        lines += [f"In the file {first:.3f} s after the start of the process (worst {worst:.3f} s).", ""]
        return "\n".join(lines)

    def _targets(self):
        lines = ["## Targets", "", "| target | wanted | reached | |", "|---|---|---|---|"]
        for text, sense, wanted, unit, reached in self.targets():
            if reached is None:
                said, verdict = "", "not measured"
            else:
                said = f"{reached:.2f}{unit}" if unit in ("×", " s") else f"{reached:.0f}{unit}"
                verdict = "met" if (reached >= wanted if sense == "≥" else reached <= wanted) else "**missed**"
            lines.append(f"| {text} | {sense} {wanted:g}{unit} | {said} | {verdict} |")
        return "\n".join(lines + [""])

    def _why_not(self, result):
        return f"skipped: {result.skipped}" if result.skipped else f"FAILED: {result.problem}"


def machine():
    """What the figures were measured on."""
    model = "unknown"
    cores = 0
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            model, cores = value.strip(), cores + 1
    return {
        "cpu": model,
        "cores": cores,
        "memory_gb": proc.memory_bytes("MemTotal") / 1e9,
        "kernel": platform.release(),
    }


def thousands(rate):
    return f"{rate / 1000:,.0f} k"


def ratio(value):
    return "" if value is None else f"{value:.2f}"


def one_line(text):
    return text.replace("\n", " ").replace("|", "\\|")
