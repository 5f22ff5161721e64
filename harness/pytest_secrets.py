"""The part of the pytest plugin that removes secrets from what pytest shows of a test and writes to files.

A failed assertion shows the values that it compared, a traceback the arguments and the lines of code, a section the printed
output. A token or password in them is cut as the engine cuts it in its journal, so equal secrets have equal marks. The values
of the test itself do not change. `--show-secrets` keeps all secrets.

pytest shortens and wraps what it shows, and a secret without its name looks like any other text. So the values of the failed
frames are read in full first, and each secret found in them is cut wherever it appears.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

import pytest
from _pytest._code.code import ExceptionChainRepr, ReprEntry, ReprEntryNative, ReprExceptionInfo, ReprTraceback

from harness.journal.redaction import Redactor
from harness.journal.redaction.known import Known

OPTION = "--show-secrets"
Cut = Callable[[str], str]


def add_option(group: pytest.OptionGroup) -> None:
    group.addoption(
        OPTION,
        action="store_true",
        help="Show passwords, tokens and keys in failures and traces instead of marks such as "
        "<secret:jwt 812 chars #1f3a5c7e>. An engine that is up must have been started with 'harness up --show-secrets'.",
    )


_MOST_VALUES = 20_000
_LONGEST_TEXT = 65_536


def cut(
    report: pytest.TestReport, redactor: Redactor, excinfo: pytest.ExceptionInfo[BaseException] | None = None
) -> None:
    """Cut a report, before anything else reads it. `excinfo` is the failure that it shows."""
    finder = Redactor(redactor.marking.key, keeps=True)
    if excinfo is not None:
        _find(excinfo, finder)
    # Twice: a secret that is found in the first pass may be unrecognisable in a text that was read before it.
    _each_text(report, _Cuts(finder.text, partial(finder.text, source_code=True), finder.argument))
    if found := finder.marking.kept():
        cut_known = Known(found).cut
        _each_text(report, _Cuts(cut_known, cut_known, lambda _, written: cut_known(written)))


@dataclass(frozen=True)
class _Cuts:
    """How to cut each kind of text; `argument` also receives its name."""

    text: Cut
    code: Cut
    argument: Callable[[str, str], str]


def _find(excinfo: pytest.ExceptionInfo[BaseException], finder: Redactor) -> None:
    """Read the values of all frames, up to a limit, so that `finder` keeps the secrets in them."""
    left = _MOST_VALUES

    def copy(value: Any, depth: int = 0) -> Any:
        nonlocal left
        left -= 1
        if left < 0 or depth > 12:
            return None
        if type(value) in (str, bytes):
            return value[:_LONGEST_TEXT]
        if type(value) in (list, tuple, set, frozenset):
            return [copy(each, depth + 1) for each in value]
        if type(value) is dict:
            return {str(name): copy(each, depth + 1) for name, each in value.items()}
        return None

    seen: BaseException | None = excinfo.value
    exceptions: list[BaseException] = []
    while seen is not None and seen not in exceptions:
        exceptions.append(seen)
        seen = seen.__cause__ or seen.__context__
    for exception in exceptions:
        finder.text(str(exception)[:_LONGEST_TEXT])
        traceback = exception.__traceback__
        while traceback is not None:
            variables: Mapping[str, Any] = traceback.tb_frame.f_locals
            finder.data({name: copied for name, value in variables.items() if (copied := copy(value)) is not None})
            traceback = traceback.tb_next


def _each_text(report: pytest.TestReport, cuts: _Cuts) -> None:
    report.sections = [(name, cuts.text(text)) for name, text in report.sections]
    longrepr: Any = report.longrepr
    if isinstance(longrepr, str):
        report.longrepr = cuts.text(longrepr)
    elif isinstance(longrepr, tuple):
        path, line, said = longrepr
        report.longrepr = (path, line, cuts.text(said))
    elif isinstance(longrepr, ExceptionChainRepr):
        for traceback, crash, _ in longrepr.chain:
            _cut_traceback(traceback, cuts)
            if crash is not None:
                crash.message = cuts.text(crash.message)
    if isinstance(longrepr, ReprExceptionInfo):
        _cut_traceback(longrepr.reprtraceback, cuts)
        if longrepr.reprcrash is not None:
            longrepr.reprcrash.message = cuts.text(longrepr.reprcrash.message)


def _cut_traceback(traceback: ReprTraceback, cuts: _Cuts) -> None:
    for entry in traceback.reprentries:
        if isinstance(entry, ReprEntry | ReprEntryNative):
            entry.lines = _lines(entry.lines, cuts)
        if not isinstance(entry, ReprEntry):
            continue
        if entry.reprfuncargs is not None:
            entry.reprfuncargs.args = [
                (name, cuts.argument(name, str(value))) for name, value in entry.reprfuncargs.args
            ]
        if entry.reprlocals is not None:
            entry.reprlocals.lines = cuts.text("\n".join(entry.reprlocals.lines)).split("\n")


def _lines(lines: Sequence[str], cuts: _Cuts) -> "list[str]":
    """`E` begins the lines of an exception's message, which may continue over several; the others are source code."""
    cut: list[str] = []
    for said, each in groupby(lines, key=lambda line: line.startswith("E ")):
        group = list(each)
        # The message is one text: pytest continues long values in the next line.
        cut += cuts.text("\n".join(group)).split("\n") if said else [cuts.code(line) for line in group]
    return cut
