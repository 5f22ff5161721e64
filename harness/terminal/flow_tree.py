"""The steps of a flow drawn as a tree, one a line, with the place marked where an event was lost.

The result is data: parts of text with the role of each, by which `harness.terminal` gives them colours, or none.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.flow.explanation import Finding
from harness.flow.outcome import Outcome
from harness.flow.steps import ShownFlow, Step, counted

Role = Literal["", "aside", "bad", "here", "waits"]
"""The role of a part of a line: the label, a remark, a failure, a lost event, or something in progress."""

HERE, DOUBT = "▶", "▷"
"""The pointer to a finding: of an event that was lost there, and of any other finding."""
WIDTH = 120
_SIGNS = {Outcome.FAILED: "✗ ", Outcome.REFUSED: "– ", Outcome.PENDING: "… ", Outcome.OK: ""}
_ROLES: dict[Outcome, Role] = {
    Outcome.FAILED: "bad",
    Outcome.REFUSED: "aside",
    Outcome.PENDING: "waits",
    Outcome.OK: "aside",
}


@dataclass(frozen=True, slots=True)
class TreeLine:
    """One line: its parts in order."""

    parts: tuple[tuple[str, Role], ...]

    def __str__(self) -> str:
        return "".join(text for text, _ in self.parts).rstrip()


def draw(
    shown: ShownFlow, findings: Iterable[Finding] = (), *, limit: int | None = None, width: int = WIDTH
) -> list[TreeLine]:
    """The tree, with the time since its first step on the left and the duration of each on the right.

    `limit` is the maximum number of lines: beyond it, successful steps are hidden, the smallest first, and their number is
    shown. Steps of findings, and what they caused, always stay. Lines longer than `width` are cut.
    """
    steps = counted(shown.steps)
    if not steps:
        return []
    marked = _marked(shown, steps, findings)
    hidden = _hidden(steps, marked, limit) if limit is not None else set()
    start = min(step.at for step in steps)
    lines: list[TreeLine] = []

    def add(step: Step, branch: str, below: str, told: str) -> None:
        visible = [child for child in step.children if id(child) not in hidden]
        folded = sum(1 for child in step.children if id(child) in hidden for _ in child.walk())
        lines.append(_line(step, branch, marked.get(id(step)), folded, told, start, width))
        before = ""
        for number, child in enumerate(visible, 1):
            last = number == len(visible)
            same = "the same" if before and child.said == before else "" if child.said == step.said else child.said
            add(child, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  "), same)
            before = child.said

    left_out = 0
    for step in steps:
        if id(step) in hidden:
            left_out += sum(1 for _ in step.walk())
        else:
            add(step, "", "", step.said)
    if left_out:
        lines.append(TreeLine(((" " * 12, ""), (f"and {_steps(left_out)} more that went well", "aside"))))
    return lines


def duration(seconds: float) -> str:
    """A duration for readers: "12 ms", "1.24 s", "2 min 5 s"."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 100:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def _line(step: Step, branch: str, lost: bool | None, folded: int, told: str, start: float, width: int) -> TreeLine:
    """`lost` is None if no finding is about the step. `told` is the remark on it, without what the line above says
    already."""
    role: Role = "here" if lost else "waits"
    pointer: tuple[str, Role] = ("  " if lost is None else f"{HERE if lost else DOUBT} ", role)
    at: tuple[str, Role] = (f"{duration(step.at - start):>8}  ", "aside")
    times = f" ×{step.times}" if step.times > 1 else ""
    noun: tuple[str, Role] = (f"{step.label.noun} " if step.label.noun else "", "aside")
    title: tuple[str, Role] = (
        step.label.text + times,
        role if lost is not None else "bad" if step.outcome is Outcome.FAILED else "",
    )
    took = f"  {duration(step.seconds)}" if step.seconds is not None else ""
    took += f"  (+{_steps(folded)})" if folded else ""
    said = f"  {_SIGNS[step.outcome]}{told or ('in progress' if step.outcome is Outcome.PENDING else '')}".rstrip()
    if step.outcome is Outcome.OK and said:
        said = f"  {said.strip()}"
    free = width - sum(len(part) for part in (pointer[0], at[0], branch, noun[0], title[0], took))
    if len(said) > max(free, 24):
        said = said[: max(free, 24) - 1].rstrip() + "…"
    parts: tuple[tuple[str, Role], ...] = (
        pointer,
        at,
        (branch, "aside"),
        noun,
        title,
        (said, _ROLES[step.outcome]),
        (took, "aside"),
    )
    return TreeLine(tuple(part for part in parts if part[0]))


def _steps(count: int) -> str:
    return f"{count} step{'' if count == 1 else 's'}"


def _marked(shown: ShownFlow, steps: Sequence[Step], findings: Iterable[Finding]) -> dict[int, bool]:
    """The steps with the activities that decided findings, and whether an event was lost in each."""
    decisive: dict[int, bool] = {}
    for finding in findings:
        for activity in finding.activities[:1]:
            if (step := shown.step_of(activity.id)) is not None:
                decisive[step.id] = decisive.get(step.id, False) or finding.lost
    found: dict[int, bool] = {}
    for _, step in _with_depth(steps):
        if own := decisive.keys() & {activity.id for activity in step.activities}:
            found[id(step)] = any(decisive[number] for number in own)
    return found


def _hidden(steps: Sequence[Step], marked: Collection[int], limit: int) -> set[int]:
    """The steps to hide, so that no more than `limit` lines remain; steps without new information are hidden in any case."""
    kept: set[int] = set()

    def keep(step: Step) -> bool:
        """Keep a step that must be shown, and everything above it."""
        below = [keep(child) for child in step.children]
        if any(below) or id(step) in marked or step.outcome is Outcome.PENDING:
            kept.add(id(step))
        return id(step) in kept

    for step in steps:
        keep(step)
    everything = list(_with_depth(steps))
    order = sorted(
        (one for one in everything if id(one[1]) not in kept),
        key=lambda one: (_weight(one[1]), -one[0], -one[1].at),
    )
    hidden = {id(each) for one in _nothing_new(steps) for each in one.walk()} - kept
    for _, step in order:
        left = len(everything) - len(hidden)
        if left <= limit:
            break
        hidden.update(id(each) for each in step.walk())
    return hidden


def _nothing_new(steps: Iterable[Step]) -> Iterator[Step]:
    """The steps of an attempt that failed in the same way as the one before it."""
    for step in steps:
        before: Step | None = None
        for child in step.children:
            if step.attempts and before is not None and child.said and child.said == before.said:
                yield from child.children
            before = child
        yield from _nothing_new(step.children)


def _with_depth(steps: Iterable[Step], depth: int = 0) -> Iterator[tuple[int, Step]]:
    for step in steps:
        yield depth, step
        yield from _with_depth(step.children, depth + 1)


def _weight(step: Step) -> int:
    """The cost of hiding a step: successful calls go first, then refusals without a finding."""
    if step.plain and step.outcome is Outcome.OK:
        return 0
    if not step.children and step.outcome is Outcome.REFUSED:
        return 1
    if all(each.outcome in (Outcome.OK, Outcome.REFUSED) for each in step.walk()):
        return 2
    return 3 if step.plain else 4
