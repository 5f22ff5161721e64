"""JMESPath and JSONPath queries of clients, with a limit on the work that one may cause."""

import functools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.visitor import TreeInterpreter

from harness.emulator.patches import replaced

LIMIT_SECONDS = 1.0
MAX_STEPS = 100_000
"""What a JMESPath may visit and list. Each `[@,@][]` doubles a list, so a short one can fill the memory."""


class QueryError(ValueError):
    """A query that cannot be read, or that costs more than the limit."""


class JMESPath:
    """A compiled JMESPath. Raises QueryError where it is none."""

    def __init__(self, expression: str) -> None:
        try:
            self._parsed = jmespath.compile(expression).parsed
        except JMESPathError as error:
            raise QueryError(f"not a JMESPath expression: {error}") from error
        except RecursionError:
            raise QueryError("not a JMESPath expression: it is nested too deeply") from None

    def search(self, value: Any) -> Any:
        """What it finds. Raises QueryError where it costs more than the limit or meets values that it is not for."""
        try:
            return _Counting().visit(self._parsed, value)
        except JMESPathError as error:
            raise QueryError(str(error)) from error
        except RecursionError:
            raise QueryError("the expression is nested too deeply") from None


class _Counting(TreeInterpreter):
    def __init__(self) -> None:
        super().__init__()
        self._steps = 0

    def visit(self, node: Any, *arguments: Any, **options: Any) -> Any:
        result = super().visit(node, *arguments, **options)
        self._steps += 1 + (len(result) if isinstance(result, list) else 0)
        if self._steps > MAX_STEPS:
            raise QueryError(f"the expression takes more than {MAX_STEPS:,} steps")
        return result


def within(seconds: float, what: str) -> Callable[[Any], Any]:
    """A decorator for functions that call one another: the outermost call and all below it share a time limit, and the
    first call after it raises QueryError."""
    running = threading.local()

    def limited(function: Any) -> Any:
        @functools.wraps(function)
        def call(*arguments: Any) -> Any:
            deadline = getattr(running, "deadline", None)
            if deadline is not None:
                if time.monotonic() > deadline:
                    raise QueryError(f"the {what} takes more than {seconds} s")
                return function(*arguments)
            running.deadline = time.monotonic() + seconds
            try:
                return function(*arguments)
            finally:
                running.deadline = None

        return call

    return limited


def limit_json_paths(base: Any) -> None:
    """Let the `find` of all parts of a library's queries end at the limit: `$..*..*..*` finds each value many times over."""
    limited = within(LIMIT_SECONDS, "JSONPath")
    for part in _parts(base):
        if "find" in vars(part):
            replaced(
                part,
                "find",
                limited(part.find),
                because="a JSONPath such as $..*..* finds each value many times over, without a limit",
                source="https://www.rfc-editor.org/rfc/rfc9535#section-4",
            )


def _parts(base: Any) -> Iterator[Any]:
    for part in base.__subclasses__():
        yield part
        yield from _parts(part)
