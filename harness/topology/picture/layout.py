"""A layered layout: sources to the left of their targets, with few crossings and straight lines.

Sugiyama's method: break cycles, assign layers, order each layer by the barycentre of its neighbours, then place
(https://en.wikipedia.org/wiki/Layered_graph_drawing).
"""

import itertools
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter

Point = tuple[float, float]

_ROW_GAP = 18.0
_BEND_HEIGHT = 10.0
_SWEEPS = 12


@dataclass(frozen=True, slots=True)
class Item:
    key: Hashable
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Arrow:
    source: Hashable
    target: Hashable
    label_width: float = 0
    label_at_source: bool = False
    yields: bool = False
    """Whether it is reversed first to break a cycle."""


@dataclass
class Layout:
    """The positions: the upper left corner of each item, and the points that each arrow passes through."""

    places: dict[Hashable, Point] = field(default_factory=dict)
    ways: list[list[Point]] = field(default_factory=list)
    width: float = 0
    height: float = 0


def layered(items: Sequence[Item], arrows: Sequence[Arrow], *, column_gap: float = 46) -> Layout:
    """Lay out items from left to right. Arrows must join items; an arrow from an item to itself has no points."""
    sizes = {item.key: item for item in items}
    forward = _without_cycles(sizes, arrows)
    layers = _layers(forward)
    chains: list[list[Hashable]] = []
    bends: dict[Hashable, int] = {}
    for number, arrow in enumerate(arrows):
        turned = layers[arrow.source] > layers[arrow.target]
        first, last = (arrow.target, arrow.source) if turned else (arrow.source, arrow.target)
        chain = [first]
        for layer in range(layers[first] + 1, layers[last]):
            bend = ("bend", number, layer)
            bends[bend] = layer
            chain.append(bend)
        chains.append([*chain, last])
    everything = {**layers, **bends}
    order = _ordered(everything, chains)
    heights = {key: sizes[key].height if key in sizes else _BEND_HEIGHT for key in everything}
    middles = _middles(order, chains, heights)
    return _placed(sizes, arrows, order, chains, middles, heights, column_gap)


def _without_cycles(sizes: Mapping[Hashable, Item], arrows: Iterable[Arrow]) -> dict[Hashable, list[Hashable]]:
    """The successors of each item, with arrows reversed that would close a cycle."""
    after: dict[Hashable, list[Hashable]] = {key: [] for key in sizes}
    for arrow in sorted(arrows, key=lambda each: each.yields):
        source, target = arrow.source, arrow.target
        if source == target or target in after[source] or source in after[target]:
            continue
        if _reachable(after, target, source):
            source, target = target, source
        after[source].append(target)
    return after


def _reachable(after: Mapping[Hashable, Sequence[Hashable]], start: Hashable, end: Hashable) -> bool:
    waiting, seen = [start], {start}
    while waiting:
        key = waiting.pop()
        if key == end:
            return True
        waiting += [each for each in after[key] if each not in seen]
        seen.update(after[key])
    return False


def _layers(after: Mapping[Hashable, Sequence[Hashable]]) -> dict[Hashable, int]:
    """The length of the longest path to each item; an item without predecessors is placed right before its successors."""
    before: dict[Hashable, list[Hashable]] = {key: [] for key in after}
    for key, targets in after.items():
        for target in targets:
            before[target].append(key)
    layers: dict[Hashable, int] = {}
    for key in TopologicalSorter(before).static_order():
        layers[key] = max((layers[each] + 1 for each in before[key]), default=0)
    for key, targets in after.items():
        if targets and not before[key]:
            layers[key] = min(layers[target] for target in targets) - 1
    return layers


def _ordered(layers: Mapping[Hashable, int], chains: Sequence[Sequence[Hashable]]) -> list[list[Hashable]]:
    """The order within each layer, with few crossings."""
    order: list[list[Hashable]] = [[] for _ in range(max(layers.values(), default=0) + 1)]
    for key, number in layers.items():
        order[number].append(key)
    pairs = [pair for chain in chains for pair in itertools.pairwise(chain) if pair[0] != pair[1]]
    before: dict[Hashable, list[Hashable]] = {}
    after: dict[Hashable, list[Hashable]] = {}
    for left, right in pairs:
        after.setdefault(left, []).append(right)
        before.setdefault(right, []).append(left)
    best, fewest = [list(layer) for layer in order], _crossings(order, pairs, layers)
    for sweep in range(_SWEEPS):
        rightwards = sweep % 2 == 0
        neighbours = before if rightwards else after
        for layer in order if rightwards else reversed(order):
            place = {key: index for each in order for index, key in enumerate(each)}
            centre = {
                key: sum(place[each] for each in neighbours[key]) / len(neighbours[key])
                if key in neighbours
                else place[key]
                for key in layer
            }
            layer.sort(key=lambda key: centre[key])
        if (count := _crossings(order, pairs, layers)) < fewest:
            best, fewest = [list(layer) for layer in order], count
    return best


def _crossings(
    order: Sequence[Sequence[Hashable]], pairs: Sequence[tuple[Hashable, Hashable]], layers: Mapping[Hashable, int]
) -> int:
    place = {key: index for layer in order for index, key in enumerate(layer)}
    by_layer: dict[int, list[tuple[int, int]]] = {}
    for left, right in pairs:
        if layers[right] == layers[left] + 1:
            by_layer.setdefault(layers[left], []).append((place[left], place[right]))
    return sum(
        (one[0] - two[0]) * (one[1] - two[1]) < 0
        for each in by_layer.values()
        for index, one in enumerate(each)
        for two in each[index + 1 :]
    )


def _middles(
    order: Sequence[Sequence[Hashable]], chains: Sequence[Sequence[Hashable]], heights: Mapping[Hashable, float]
) -> dict[Hashable, float]:
    """The y of each middle: as near to its neighbours' as the order and the gaps allow."""
    neighbours: dict[Hashable, list[Hashable]] = {}
    for chain in chains:
        for left, right in itertools.pairwise(chain):
            neighbours.setdefault(left, []).append(right)
            neighbours.setdefault(right, []).append(left)
    middles: dict[Hashable, float] = {}
    for layer in order:
        y = 0.0
        for key in layer:
            middles[key] = y + heights[key] / 2
            y += heights[key] + _ROW_GAP
    for sweep in range(_SWEEPS):
        for layer in order if sweep % 2 == 0 else reversed(order):
            wanted = [
                sum(middles[each] for each in neighbours[key]) / len(neighbours[key])
                if key in neighbours
                else middles[key]
                for key in layer
            ]
            for key, y in zip(layer, _spaced(wanted, [heights[key] for key in layer]), strict=True):
                middles[key] = y
    top = min((middles[key] - heights[key] / 2 for key in middles), default=0)
    return {key: y - top for key, y in middles.items()}


def _spaced(wanted: Sequence[float], heights: Sequence[float]) -> list[float]:
    """The positions nearest to the wanted ones (by least squares) that keep the order and the gaps: pool adjacent violators."""
    offsets = [0.0]
    for upper, lower in itertools.pairwise(heights):
        offsets.append(offsets[-1] + (upper + lower) / 2 + _ROW_GAP)
    pools: list[tuple[float, int]] = []
    for y, offset in zip(wanted, offsets, strict=False):
        mean, count = y - offset, 1
        while pools and pools[-1][0] > mean:
            other, size = pools.pop()
            mean, count = (mean * count + other * size) / (count + size), count + size
        pools.append((mean, count))
    flat = [mean for mean, count in pools for _ in range(count)]
    return [mean + offset for mean, offset in zip(flat, offsets, strict=False)]


def _placed(
    sizes: Mapping[Hashable, Item],
    arrows: Sequence[Arrow],
    order: Sequence[Sequence[Hashable]],
    chains: Sequence[Sequence[Hashable]],
    middles: Mapping[Hashable, float],
    heights: Mapping[Hashable, float],
    column_gap: float,
) -> Layout:
    layout = Layout()
    column = {key: index for index, layer in enumerate(order) for key in layer}
    widths = [max((sizes[key].width for key in layer if key in sizes), default=0.0) for layer in order]
    # A label is before the item that its arrow ends at, or behind the one where it begins.
    gaps = [column_gap] * len(order)
    for arrow in arrows:
        first, last = sorted((column[arrow.source], column[arrow.target]))
        if arrow.label_width and first != last:
            before = first if arrow.label_at_source else last - 1
            gaps[before] = max(gaps[before], arrow.label_width + 36)
    lefts = [0.0]
    for width, gap in zip(widths, gaps, strict=False):
        lefts.append(lefts[-1] + width + gap)
    for key, item in sizes.items():
        layout.places[key] = (lefts[column[key]], middles[key] - item.height / 2)
    for arrow, chain in zip(arrows, chains, strict=True):
        layout.ways.append(_way(arrow, chain, sizes, column, lefts, widths, middles))
    layout.width = lefts[len(order) - 1] + widths[-1] if widths else 0
    layout.height = max((middles[key] + heights[key] / 2 for key in middles), default=0)
    return layout


def _way(
    arrow: Arrow,
    chain: Sequence[Hashable],
    sizes: Mapping[Hashable, Item],
    column: Mapping[Hashable, int],
    lefts: Sequence[float],
    widths: Sequence[float],
    middles: Mapping[Hashable, float],
) -> list[Point]:
    if arrow.source == arrow.target:
        return []
    points: list[Point] = []
    for key in chain:
        left, y = lefts[column[key]], middles[key]
        right = left + (sizes[key].width if key in sizes else widths[column[key]])
        if key == chain[0]:
            points.append((right, y))
            others = [each for each in sizes if column[each] == column[key] and each != key]
            if any(
                _in_the_way(sizes[each], lefts[column[key]], middles[each], right, y, middles[chain[1]])
                for each in others
            ):
                points.append((left + widths[column[key]], y))
        elif key == chain[-1]:
            points.append((left, y))
        else:
            points += [(left, y), (right, y)]
    return points if chain[0] == arrow.source else points[::-1]


def _in_the_way(item: Item, left: float, middle: float, right: float, y: float, next_y: float) -> bool:
    """Whether a wider item of the same column is where a line from (right, y) bends to `next_y`."""
    upper, lower = sorted((y, next_y))
    return left + item.width > right and upper < middle + item.height / 2 and lower > middle - item.height / 2
