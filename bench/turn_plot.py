"""The curves of `bench turns` as an SVG: false cut-offs over the mean delay."""

from collections.abc import Mapping, Sequence
from html import escape

from bench.turn_policies import PolicyFigures

WIDTH, HEIGHT, LEFT, TOP, MARGIN = 640, 380, 56, 24, 44
LONGEST_MS, MOST = 2600, 1.0
COLORS = ("#0b6e4f", "#c1440e", "#3a4ca8", "#777777")


def plot(curves: Mapping[str, Sequence[PolicyFigures]]) -> str:
    """One line for each way; each of its thresholds is a point."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        *_axes(),
    ]
    for number, (name, curve) in enumerate(curves.items()):
        color = COLORS[number % len(COLORS)]
        points = [_at(each.delay_ms_mean, each.false_cut_off_share) for each in curve]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in sorted(points))
        parts.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>' for x, y in points]
        height = TOP + 16 * (number + 1)
        parts.append(f'<text x="{WIDTH - 170}" y="{height}" fill="{color}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _axes() -> list[str]:
    (x0, y0), (x1, y1) = _at(0, 0), _at(LONGEST_MS, MOST)
    marks = [f'<path d="M{x0} {y1}V{y0}H{x1}" fill="none" stroke="black"/>']
    for delay_ms in range(0, LONGEST_MS, 500):
        x, _ = _at(delay_ms, 0)
        marks.append(f'<text x="{x:.1f}" y="{y0 + 16}" text-anchor="middle">{delay_ms}</text>')
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        _, y = _at(0, share)
        marks.append(f'<text x="{x0 - 6}" y="{y + 4:.1f}" text-anchor="end">{share:g}</text>')
    across = (x0 + x1) / 2
    marks.append(f'<text x="{across}" y="{HEIGHT - 8}" text-anchor="middle">mean delay, ms</text>')
    marks.append(f'<text x="{x0 + 6}" y="{y1 - 6}">share of pauses cut off</text>')
    return marks


def _at(delay_ms: float, share: float) -> tuple[float, float]:
    across = (WIDTH - LEFT - 20) * delay_ms / LONGEST_MS
    return LEFT + across, HEIGHT - MARGIN - (HEIGHT - MARGIN - TOP) * share / MOST
