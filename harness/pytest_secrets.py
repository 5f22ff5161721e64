"""The part of the pytest plugin that keeps secrets out of what pytest shows of a test and leaves behind.

A failed assertion shows the values that it compared, a traceback the arguments and the lines of code, a section what was
printed: a token or password among them is cut there as the engine cuts it in its journal, so equal ones have equal marks.
What a test itself holds is not changed. `--show-secrets` leaves all of it as it is.
"""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

import pytest
from _pytest._code.code import ExceptionChainRepr, ReprEntry, ReprEntryNative, ReprExceptionInfo, ReprTraceback

from harness.journal.redaction import Redactor

OPTION = "--show-secrets"
Cut = Callable[[str], str]


def add_option(group: pytest.OptionGroup) -> None:
    group.addoption(
        OPTION,
        action="store_true",
        help="Show passwords, tokens and keys in failures and traces instead of marks such as "
        "<secret:jwt 812 chars #1f3a5c7e>. An engine that is up must have been started with 'harness up --show-secrets'.",
    )


def cut(report: pytest.TestReport, redactor: Redactor) -> None:
    """Of a report, before anything else reads it."""
    report.sections = [(name, redactor.text(text)) for name, text in report.sections]
    longrepr: Any = report.longrepr
    if isinstance(longrepr, str):
        report.longrepr = redactor.text(longrepr)
    elif isinstance(longrepr, tuple):
        path, line, said = longrepr
        report.longrepr = (path, line, redactor.text(said))
    elif isinstance(longrepr, ExceptionChainRepr):
        for traceback, crash, _ in longrepr.chain:
            _cut_traceback(traceback, redactor)
            if crash is not None:
                crash.message = redactor.text(crash.message)
    if isinstance(longrepr, ReprExceptionInfo):
        _cut_traceback(longrepr.reprtraceback, redactor)
        if longrepr.reprcrash is not None:
            longrepr.reprcrash.message = redactor.text(longrepr.reprcrash.message)


def _cut_traceback(traceback: ReprTraceback, redactor: Redactor) -> None:
    for entry in traceback.reprentries:
        if isinstance(entry, ReprEntry | ReprEntryNative):
            entry.lines = _lines(entry.lines, redactor)
        if not isinstance(entry, ReprEntry):
            continue
        if entry.reprfuncargs is not None:
            entry.reprfuncargs.args = [
                (name, redactor.argument(name, str(value))) for name, value in entry.reprfuncargs.args
            ]
        if entry.reprlocals is not None:
            entry.reprlocals.lines = redactor.text("\n".join(entry.reprlocals.lines)).split("\n")


def _lines(lines: Sequence[str], redactor: Redactor) -> "list[str]":
    """`E` begins what an exception says, which may go on for lines; the others are source code."""
    cut: list[str] = []
    for said, each in groupby(lines, key=lambda line: line.startswith("E ")):
        group = list(each)
        # What is said is one text: pytest goes on with long values in the next line.
        cut += (
            redactor.text("\n".join(group)).split("\n")
            if said
            else [redactor.text(line, source_code=True) for line in group]
        )
    return cut
