"""A chart of what one core does in a second, as SVG: a panel for each measurement, a bar for each contestant."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from benchmarks.figures import Measurement
from benchmarks.peers.goals import SERVER

WIDTH = 900
_MARGIN, _NAMES, _FIGURES = 24, 270, 90
_TITLE, _BAR, _GAP, _BETWEEN = 34, 20, 6, 26
_OURS, _OTHERS = "#0f766e", "#94a3b8"
_STYLE = (
    "text { font: 13px system-ui, sans-serif; fill: #0f172a } "
    ".title { font-weight: 600; font-size: 14px } .figure { fill: #475569; font-variant-numeric: tabular-nums }"
)


def drawn(measurements: Sequence[Measurement]) -> str:
    """The picture. Bars of one panel share a scale; longer is better."""
    parts: list[str] = []
    height = _MARGIN
    for measurement in measurements:
        parts += _panel(measurement, height)
        height += _TITLE + len(measurement.contestants) * (_BAR + _GAP) + _BETWEEN
    height += _MARGIN - _BETWEEN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}">',
            "<title>What one core of the server does in a second</title>",
            f"<style>{_STYLE}</style>",
            f'<rect width="{WIDTH}" height="{height}" fill="#ffffff" rx="8"/>',
            *parts,
            "</svg>",
            "",
        ]
    )


def _panel(measurement: Measurement, top: int) -> list[str]:
    words = f"{measurement.title}: {measurement.operations} in a second of one core"
    parts = [f'<text class="title" x="{_MARGIN}" y="{top + 16}">{escape(words)}</text>']
    rates = [1e6 / contestant.median_cpu(SERVER) for contestant in measurement.contestants]
    room = WIDTH - 2 * _MARGIN - _NAMES - _FIGURES
    left = _MARGIN + _NAMES
    for place, (contestant, rate) in enumerate(zip(measurement.contestants, rates, strict=True)):
        y = top + _TITLE + place * (_BAR + _GAP)
        length = max(2.0, room * rate / max(rates))
        color = _OURS if contestant.name.startswith("Atrium") else _OTHERS
        parts += [
            f'<text x="{left - 10}" y="{y + 15}" text-anchor="end">{escape(contestant.name)}</text>',
            f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{_BAR}" fill="{color}" rx="3"/>',
            f'<text class="figure" x="{left + length + 8:.1f}" y="{y + 15}">{rate:,.0f}</text>',
        ]
    return parts
