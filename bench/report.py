"""Medians and ratios, put together as Markdown and as JSON."""

import platform
import statistics
import textwrap
from dataclasses import asdict, dataclass, field
from pathlib import Path

import proc
import targets

MB = 1_000_000
MIB = 1 << 20
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
    def problem(self):
        """Why there is no figure: one failed run is enough, as it may be the slow one."""
        return self.skipped or next((r.problem for r in self.runs if r.problem), None)

    @property
    def why_not(self):
        return one_line(f"skipped: {self.skipped}" if self.skipped else f"FAILED: {self.problem}")

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
            "threads_most": max(r.threads_most for r in self.runs),
            "file_bytes_per_record": self.median(lambda r: r.file_bytes) / self.records,
            "index_bytes_per_record": self.median(lambda r: r.index_bytes) / self.records,
            "broker_cpu_ns_per_record": self.median(lambda r: r.broker_cpu_s) / self.records * 1e9,
        }

    def json(self):
        return {
            "key": self.key,
            "label": self.label.replace("\\", ""),
            "records": self.records,
            "problem": self.problem,
            "median": self.figures(),
            "runs": [asdict(run) for run in self.runs or []],
        }


@dataclass
class Section:
    """One heading of the page: a table, what it was made from, and figures that targets ask for."""

    title: str
    key: str = ""  # as --sections takes it
    lines: list[str] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    figures: dict = field(default_factory=dict)
    runs: list = field(default_factory=list)  # every run of what isn't a Result
    problems: list[str] = field(default_factory=list)  # records that were left out
    other_cores: list[float] = field(default_factory=list)

    def table(self, head, rows):
        self.lines += [row(head), "|---" * len(head) + "|", *map(row, rows), ""]

    def say(self, text):
        self.lines += [*textwrap.wrap(text, 120, break_long_words=False, break_on_hyphens=False), ""]

    def add(self, results, prefix=""):
        """Results, and their medians for the targets: `prefix` and key, a dot, the figure's name."""
        self.results += results
        for r in results:
            self.figures |= {f"{prefix}{r.key}.{name}": value for name, value in (r.figures() or {}).items()}
            if r.problem and not r.skipped:
                self.problems.append(f"{r.label}: {r.problem}")
            self.other_cores += [run.other_cores for run in r.runs or []]

    def json(self):
        return {
            "key": self.key,
            "title": self.title,
            "figures": self.figures,
            "problems": self.problems,
            "programs": [r.json() for r in self.results],
            "runs": self.runs,
        }


class Report:
    def __init__(self, facts, sections):
        self.facts = facts
        self.sections = sections
        self.figures = {name: value for s in sections for name, value in s.figures.items()}
        self.failed = [problem for s in sections for problem in s.problems]
        self.others = max((cores for s in sections for cores in s.other_cores), default=0.0)

    def json(self):
        return {
            "facts": self.facts | {"other_cores_highest": self.others},
            "sections": [s.json() for s in self.sections],
            "targets": targets.reached(self.figures),
        }

    def markdown(self, chart=None):
        lines = ["# Benchmarks", "", *self._intro()]
        if chart:
            lines += [f"![records per second of each program]({chart})", ""]
        for section in self.sections:
            lines += [f"## {section.title}", "", *section.lines]
        lines += ["## Targets", "", *targets.table(self.figures)]
        return "\n".join(lines) + "\n"

    def _intro(self):
        f = self.facts
        intro = Section("")
        intro.say(
            f"{f['date']}, {f['archiver']}, {f['cores']} cores ({f['cpu']}), {f['memory_gb']:.0f} GB, "
            f"Linux {f['kernel']}, Kafka {f['kafka']} on the same cores. {f['runs']} "
            f"run{'s' if f['runs'] > 1 else ''} of each, side by side in turn; medians. Whole processes, measured "
            "from outside; output to a tmpfs where nothing else is said; every file's lines and bytes counted "
            "afterwards. Made by `make bench`; how it measures: [bench/README.md](../bench/README.md)."
        )
        if f["quick"]:
            intro.say("**A smoke test: little of everything, so the figures and the targets mean nothing.**")
        if self.others > OTHERS_CORES_MAX:
            intro.say(f"The machine was shared: other processes took up to {self.others:.2f} cores during a run.")
        for problem in self.failed:
            intro.say(f"**FAILED**: {one_line(problem)}")
        return intro.lines


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
        "kernel": ".".join(platform.release().split(".")[:2]),
    }


def row(cells):
    return f"| {' | '.join(cells)} |"


def thousands(rate):
    return f"{rate / 1000:,.0f} k"


def ratio(figures, name, other):
    """Of two figures, as the tables show it; nothing where one of them is missing."""
    a, b = figures.get(name), figures.get(other)
    return f"{a / b:.2f}" if a is not None and b else ""


def one_line(text):
    return text.replace("\n", " ").replace("|", "\\|")
