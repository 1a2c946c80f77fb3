"""Bars of records per second, one for each program, as SVG; readable on a light and on a dark page."""

from html import escape

from programs import ARCHIVERS
from report import thousands

WIDTH, LABEL_WIDTH, NUMBER_WIDTH = 840, 290, 90
BAR, GAP, MARGIN, HEAD = 20, 8, 12, 24
OURS, OTHERS, TEXT = "#2a78d6", "#9a9a94", "#7d7d7d"


def svg(results):
    """Of the results that have figures; None where none has."""
    bars = [(r.label.replace("\\", ""), r.figures()["records_per_s"], r.key in ARCHIVERS)
            for r in results if r.figures()]  # fmt: skip
    if not bars:
        return None
    fastest = max(rate for _, rate, _ in bars)
    scale = (WIDTH - LABEL_WIDTH - NUMBER_WIDTH) / fastest
    height = 2 * MARGIN + HEAD + len(bars) * (BAR + GAP) - GAP
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="sans-serif" font-size="13" fill="{TEXT}" role="img">',
        "<title>Records per second of each program</title>",
        f'<text x="{LABEL_WIDTH}" y="{MARGIN + 10}" font-weight="bold">records per second</text>',
    ]
    for i, (label, rate, ours) in enumerate(bars):
        top = MARGIN + HEAD + i * (BAR + GAP)
        middle = top + BAR / 2 + 4.5
        width = max(1, rate * scale)
        lines += [
            f'<text x="{LABEL_WIDTH - 10}" y="{middle}" text-anchor="end">{escape(label)}</text>',
            f'<rect x="{LABEL_WIDTH}" y="{top}" width="{width:.1f}" height="{BAR}" rx="2" '
            f'fill="{OURS if ours else OTHERS}"/>',
            f'<text x="{LABEL_WIDTH + width + 8:.1f}" y="{middle}">{thousands(rate)}/s</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])
