"""A flow in a terminal: its steps with the place where an event was lost, the findings, and what is pending."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import Protocol

from harness.flow.explanation import Explanation, Finding
from harness.flow.pending import Pending
from harness.flow.steps import ShownFlow
from harness.terminal.flow_tree import DOUBT, HERE, WIDTH, Role, TreeLine, draw

SHORT = 25
"""How many lines of the tree a failed test shows."""


class ReportableFlow(Protocol):
    """A flow that can be reported: a Flow."""

    def shown(self) -> ShownFlow: ...

    def explain(self) -> Explanation: ...

    def pending(self) -> list[Pending]: ...


def report(
    flow: ReportableFlow, *, limit: int | None = SHORT, width: int = WIDTH, waiting: bool = True
) -> list[TreeLine]:
    """The tree of a flow, at most `limit` lines of it, with its findings below; `waiting` adds what is pending.

    If the engine does not respond any more, the recorded activities are shown, and the last line says why the rest is unknown.
    """
    shown = flow.shown()
    findings, pending, unknown = _why(flow)
    lines = draw(shown, findings, limit=limit, width=width) or [_aside("Nothing of this flow was seen.")]
    for finding in findings:
        lines += [TreeLine(()), *_finding(finding, width)]
    explained = {activity.id for finding in findings for activity in finding.activities}
    if waiting and (left := [one for one in pending if one.activity.id not in explained]):
        lines.append(TreeLine(()))
        lines += _wrapped("… ", _each(left), "waits", width)
    if unknown:
        lines += [TreeLine(()), *_wrapped("", [f"Why is not known: {unknown}"], "aside", width)]
    return lines


def _why(flow: ReportableFlow) -> tuple[tuple[Finding, ...], list[Pending], str]:
    """The findings, what is pending, and, if they are unknown, why."""
    try:
        return flow.explain().findings, flow.pending(), ""
    except Exception as error:  # noqa: BLE001 - the recorded activities are shown in any case
        return (), [], f"{type(error).__name__}: {error}"


def _finding(finding: Finding, width: int) -> list[TreeLine]:
    role: Role = "here" if finding.lost else "waits"
    pointer = f"{HERE if finding.lost else DOUBT} "
    lines = _wrapped(pointer, [finding.sentence], role, width)
    # On a separate line, so that an editor recognises it.
    return [*lines, _aside(f"  {finding.place}")] if finding.place else lines


def _each(pending: Iterable[Pending]) -> list[str]:
    return list(dict.fromkeys(str(one) for one in pending))


def _wrapped(pointer: str, sentences: Sequence[str], role: Role, width: int) -> list[TreeLine]:
    lines = []
    for sentence in sentences:
        for number, part in enumerate(
            textwrap.wrap(sentence, width - 2, break_long_words=False, break_on_hyphens=False)
        ):
            lines.append(TreeLine(((pointer if number == 0 else " " * len(pointer), role), (part, ""))))
    return lines


def _aside(text: str) -> TreeLine:
    return TreeLine(((text, "aside"),))
