"""JSONata in state machines, evaluated in Python.

LocalStack 4.14.0 evaluates it in a Java virtual machine that it downloads. It also quotes strings without escaping them, so a
value with a quotation mark changed the expression.
https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

import hashlib
import json
import random
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.emulator.bounded.expressions import Expression
from harness.emulator.host.service_loading import when_loaded
from harness.emulator.patches import patched, replaced
from harness.emulator.stepfunctions.failures import failure

SERVICE = "stepfunctions"
TIMEOUT_MS = 10_000
MAX_DEPTH = 300
_ALGORITHMS = {
    "MD5": hashlib.md5,
    "SHA-1": hashlib.sha1,
    "SHA-256": hashlib.sha256,
    "SHA-384": hashlib.sha384,
    "SHA-512": hashlib.sha512,
}


def _partition(values: Any, size: Any) -> list[Any]:
    if values is None:
        return []
    length = int(size)
    if length < 1:
        raise ValueError("$partition: the size of a chunk must be at least 1")
    given = list(values) if isinstance(values, list | tuple) else [values]
    return [given[at : at + length] for at in range(0, len(given), length)]


def _range(first: Any, last: Any, step: Any) -> list[Any]:
    by = int(step)
    if by == 0:
        raise ValueError("$range: the step must not be 0")
    return list(range(int(first), int(last) + (1 if by > 0 else -1), by))


def _hash(text: Any, algorithm: Any) -> str:
    if algorithm not in _ALGORITHMS:
        raise ValueError(f"$hash: {algorithm!r} is none of {', '.join(_ALGORITHMS)}")
    return str(_ALGORITHMS[algorithm](str(text).encode()).hexdigest())


def _random(seed: Any = None) -> float:
    return random.Random(seed).random() if seed is not None else random.random()


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "partition": _partition,
    "range": _range,
    "hash": _hash,
    "random": _random,
    "uuid": lambda: str(uuid.uuid4()),
    "parse": lambda text: json.loads(text),
}
"""What Step Functions adds to JSONata's own functions; `$eval` is not there
(https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html#jsonata-functions-provided-by-sfn)."""


def _bounded(pattern: str, flags: Any) -> Expression:
    """The expressions between slashes, which the limit of time of JSONata itself does not interrupt."""
    ignore_case = re.IGNORECASE if flags.case_insensitive else 0
    return Expression(pattern, ignore_case | (re.MULTILINE if flags.multiline else 0))


def evaluate(expression: str) -> Any:
    """The value of an expression, as JSON has it. Raises any exception for one that cannot be evaluated."""
    from jsonata import Jsonata

    compiled = Jsonata(expression, regex_engine=_bounded, timeout=TIMEOUT_MS, stack=MAX_DEPTH)
    for name, function in FUNCTIONS.items():
        compiled.register_lambda(name, function)
    compiled.register_lambda("eval", _no_eval)
    return _plain(compiled.evaluate(None))


def _no_eval(*_arguments: Any) -> Any:
    raise ValueError("$eval is not supported; use $parse to read JSON")


def _plain(value: Any) -> Any:
    """Without the library's own kinds of lists and mappings. Functions and patterns stay: they are refused by their type."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(each) for each in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def declared(bindings: Mapping[str, Any]) -> str:
    """Declarations of variables, before an expression that uses them."""
    return "".join(f"{name}:={json.dumps(value, ensure_ascii=False)};" for name, value in bindings.items())


def install() -> None:
    when_loaded(SERVICE, _patch)


def _patch() -> None:
    from localstack.services.stepfunctions.asl.component.common.error_name.states_error_name_type import (
        StatesErrorNameType,
    )
    from localstack.services.stepfunctions.asl.component.common.string.string_expression import StringJSONata
    from localstack.services.stepfunctions.asl.component.intrinsic import jsonata as intrinsic
    from localstack.services.stepfunctions.asl.eval import states, variable_store
    from localstack.services.stepfunctions.asl.jsonata import jsonata

    def evaluate_or_raise(expression: str) -> Any:
        try:
            return evaluate(expression)
        except Exception as error:
            raise jsonata.JSONataException("UNKNOWN", str(error)) from error

    # The function that LocalStack sets once it has started Java; so it never starts it.
    replaced(
        jsonata,
        "_eval_jsonata",
        evaluate_or_raise,
        because="JSONata runs in a Java virtual machine that is downloaded",
        source="https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html",
    )
    replaced(
        states,
        "encode_jsonata_variable_declarations",
        declared,
        because="strings are quoted without escapes",
        source="https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html",
    )
    replaced(
        variable_store,
        "encode_jsonata_variable_declarations",
        declared,
        because="strings are quoted without escapes",
        source="https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html",
    )
    # Declarations in JSONata, two of which return "... is currently not supported" as their value.
    intrinsic._DECLARATION_BY_VARIABLE_REFERENCE.clear()

    @patched(
        StringJSONata._eval_body,
        because="JSONata runs in a Java virtual machine that is downloaded",
        source="https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html",
    )
    def evaluate_field(original: Any, self: Any, env: Any) -> None:
        try:
            original(self, env)
        except jsonata.JSONataException as error:
            cause = f"The JSONata expression '{self.expression}' threw an error during evaluation. {error.details}"
            raise failure(env, StatesErrorNameType.StatesQueryEvaluationError, cause, evaluation=True) from error
