"""Rates as bars, in an SVG that can be read on light and on dark. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from scripts.bench.groups import common, reading

WIDTH, LABEL, VALUE = 820, 290, 90
BAR, STEP, TOP, FOOT = 18, 27, 44, 40
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 15px }
.small { font-size: 11px; fill: #59636e }
.ours { fill: #0969da }
.other { fill: #8c959f }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .small { fill: #9198a1 }
  .ours { fill: #4493f8 }
  .other { fill: #6e7681 }
}
"""
SHOWN = (
    common.DRAIN, common.PULL, reading.BATCHED, reading.NATS_PY, common.SINGLE, common.COUNT, common.SUM, reading.CTAS,
    reading.JSON_FIVE, reading.PROTO_FIVE, reading.READ_JSON,
)


@dataclass(frozen=True)
class Bar:
    """Messages a second of one way to read."""

    label: str
    rate: float
    ours: bool


def reading_svg(results: dict) -> str | None:
    """The plot of the group `reading`, if that was measured."""
    for group in results["groups"]:
        if group["name"] == "reading":
            cases = {case["name"]: case for case in group["cases"]}
            found = [cases[name] for name in SHOWN]
            machine, versions = results["machine"], results["versions"]
            rounds = group["round_count"]
            foot = (
                f"{results['date']} · {machine['processor']}, {machine['processors']} processors · nats-server {versions['nats-server']} · "
                f"DuckDB {versions['duckdb']} · medians of {rounds} interleaved rounds · blue: nats_js"
            )
            return svg(group["title"], foot, [Bar(case["name"], case["medians"]["rate"], case["ours"]) for case in found])
    return None


def svg(title: str, foot: str, bars: Sequence[Bar]) -> str:
    """Horizontal bars, the fastest as long as there is room."""
    height = TOP + STEP * len(bars) + FOOT
    scale = (WIDTH - LABEL - VALUE) / max(bar.rate for bar in bars)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">',
        f"<title>{escape(title)}</title>", f"<style>{STYLE}</style>",
        f'<text class="title" x="8" y="22">{escape(title)}: messages a second</text>',
    ]
    for number, bar in enumerate(bars):
        top = TOP + STEP * number
        length, middle = max(1.0, bar.rate * scale), top + BAR * 0.75
        kind = "ours" if bar.ours else "other"
        parts += [
            f'<text x="{LABEL - 8}" y="{middle:g}" text-anchor="end">{escape(bar.label)}</text>',
            f'<rect class="{kind}" x="{LABEL}" y="{top}" width="{length:.1f}" height="{BAR}" rx="2"/>',
            f'<text x="{LABEL + length + 6:.1f}" y="{middle:g}">{bar.rate:,.0f}</text>',
        ]
    parts += [f'<text class="small" x="8" y="{height - 12}">{escape(foot)}</text>', "</svg>"]
    return "\n".join(parts) + "\n"
