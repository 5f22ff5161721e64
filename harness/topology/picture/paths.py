"""Curves through points, and the approximate width of a text: what every diagram needs."""

import itertools

from harness.topology.picture.layout import Point

BOLD = 1.14
"""The relative width of bold text."""
_NARROW, _WIDE = frozenset("fijlrt.,:;'|!()[]I/ "), frozenset("mwMWQO@%")


def curve(way: list[Point]) -> str:
    """A smooth line through the points, level at each; it stops before the end, for the head of the arrow."""
    end_x, end_y = way[-1]
    towards = 1 if way[0][0] < end_x else -1
    points = [*way[:-1], (end_x - 5 * towards, end_y)]
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (from_x, from_y), (to_x, to_y) in itertools.pairwise(points):
        bend = (to_x - from_x) / 2
        path += f"C{from_x + bend:.1f} {from_y:.1f} {to_x - bend:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
    return path


def text_width(text: str, size: float) -> float:
    """The approximate width of a text in a sans serif, slightly too large."""
    return (
        sum(0.34 if char in _NARROW else 0.88 if char in _WIDE else 0.66 if char.isupper() else 0.58 for char in text)
        * size
    )
