"""Why a function failed: the error of its last attempt, in the wording of AWS's runtimes, read into one clause and a line.

https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.flow.explain.evidence import Evidence
from harness.flow.explain.raw_delivery import wrong_form
from harness.flow.explanation import Place
from harness.flow.history import Activity
from harness.journal.records import Kind

_THROTTLED = "TooManyRequestsException"
_TIMED_OUT = re.compile(r"Task timed out after ([\d.]+) seconds")
_MEMORY = re.compile(r"Memory Size: (\d+) MB")
_MEMORY_USED = re.compile(r"Max Memory Used: (\d+) MB")
_DURATION = re.compile(r"\tDuration: ([\d.]+) ms")
_PYTHON_FRAME = re.compile(r'File "/var/task/(?P<file>[^"]+)", line (?P<line>\d+), in (?P<where>.+)')
_NODE_FRAME = re.compile(r"/var/task/(?P<file>[^):]+):(?P<line>\d+):\d+")
_REQUEST = re.compile(r"^RequestId: \S+ Error: ")
_LOADING = {
    "Runtime.ImportModuleError": "import-failed",
    "Runtime.UserCodeSyntaxError": "import-failed",
    "Runtime.HandlerNotFound": "handler-not-found",
    "Runtime.MalformedHandlerName": "handler-not-found",
    "Runtime.InvalidEntrypoint": "handler-not-found",
}
_VALIDATING = frozenset(
    {"JsonSchemaException", "JsonSchemaValueException", "SchemaValidationError", "ValidationError", "ZodError"}
)
"""The errors of libraries that validate an event against a schema: jsonschema, pydantic, Powertools, fastjsonschema, Zod."""
_VIOLATION = re.compile(
    r"\bdata(?:\.\w+|\[\d+\])* must |is a required property|Additional properties are not allowed|validation errors? for "
)
"""What they say, also if a function raises another error with that message."""
_MAX_MESSAGE = 200


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed. `clause` is a sentence without its end: "function Charge raised KeyError: 'id'"."""

    cause: str
    clause: str
    function: str
    """Its ARN."""
    place: Place | None
    activity: Activity
    """The invocation, or the record that there was none."""


def failure_below(evidence: Evidence, activity: Activity) -> Failure | None:
    """Why the function that an activity invoked failed; None if no function failed in it."""
    for call in reversed([each for each in evidence.history.next_of(activity) if is_invoke(each)]):
        return failure_of_call(evidence, call)
    return None


def failure_of_call(evidence: Evidence, call: Activity) -> Failure | None:
    """Why a call of Invoke that waited for the result failed; None if it did not fail."""
    invocations = [each for each in evidence.history.next_of(call) if each.kind is Kind.INVOCATION]
    if invocations:
        last = invocations[-1]
        return failed_invocation(evidence, last) if last.error is not None else None
    if isinstance(call.error, Mapping) and call.error.get("code") == _THROTTLED:
        return throttled(evidence, call.begin.resource, call)
    return None


def is_invoke(call: Activity) -> bool:
    return call.kind is Kind.CALL and call.begin.service == "lambda" and call.begin.name == "Invoke"


def throttled(evidence: Evidence, function: str, activity: Activity) -> Failure:
    """A function has no concurrency left, or has a reserved concurrency of 0
    (https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html)."""
    node = evidence.node_id(function)
    reserved = evidence.topology.resources[node].get("ReservedConcurrentExecutions") if node else None
    named = f"function {evidence.named(function)}"
    if str(reserved) == "0":
        clause = f"{named} never runs, as its reserved concurrency is 0"
    elif reserved is not None:
        clause = f"{named} was throttled, as all of its reserved concurrency of {reserved} was in use"
    else:
        clause = f"{named} was throttled, as it had no concurrency left"
    place = evidence.place(function, "ReservedConcurrentExecutions")
    return Failure("function-throttled", clause, function, place, activity)


def failed_invocation(evidence: Evidence, invocation: Activity) -> Failure:
    """Why a function failed."""
    function = invocation.begin.resource
    named = f"function {evidence.named(function)}"
    error = invocation.error if isinstance(invocation.error, Mapping) else {"errorMessage": str(invocation.error)}
    type_, message = str(error.get("errorType") or ""), first_line(error.get("errorMessage"))
    log = str(invocation.data.get("log") or "")

    def failure(cause: str, clause: str, *path: str) -> Failure:
        return Failure(cause, f"{named} {clause}", function, evidence.place(function, *path), invocation)

    if match := _TIMED_OUT.search(message):
        seconds = f"{float(match[1]):g} second" + ("" if float(match[1]) == 1 else "s")
        return failure("function-timed-out", f"did not end within its timeout of {seconds}", "Timeout")
    if type_ == "Runtime.OutOfMemory" or (type_ == "Runtime.ExitError" and _is_full(log)):
        size = _MEMORY.search(log)
        has = f"the {size[1]} MB that it has" if size else "it has"
        return failure("out-of-memory", f"was killed, as it used more memory than {has}", "MemorySize")
    if type_ == "Runtime.ExitError":
        return failure("function-exited", f"ended in the middle of its work: {message}")
    if type_ in _LOADING:
        return failure(_LOADING[type_], f"cannot be loaded: {message}", "Handler")
    if type_ == "Runtime.MarshalError":
        return failure("result-not-json", f"returned what is not JSON: {message}")
    frames = own_frames(error)
    at = f" ({frames[-1].file}, line {frames[-1].line})" if frames else ""
    raised = f"raised {type_}: {message}" if type_ and message else f"raised {type_ or message}"
    if (form := wrong_form(evidence, invocation)) is not None:
        return Failure(form.cause, f"{form.why}, it {raised}{at}", function, form.place, invocation)
    if type_ in _VALIDATING or _VIOLATION.search(message):
        return failure("schema-violation", f"refused what it was given, {type_}: {_all_lines(error)}{at}")
    if frames and frames[0].where == "<module>":
        return failure("init-failed", f"{raised}{at} while it was loaded")
    return failure("handler-raised", f"{raised}{at}")


def seconds_of(invocation: Activity) -> float:
    """How long the function worked, by its REPORT line; 0 if there is none."""
    match = _DURATION.search(str(invocation.data.get("log") or ""))
    return float(match[1]) / 1000 if match else 0.0


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a traceback. `file` is relative to the function's folder."""

    file: str
    line: int
    where: str


def own_frames(error: Mapping[str, Any]) -> list[Frame]:
    """The frames of an error's traceback that are in the file of the function itself, the innermost last.

    The first frame in the function's folder is in that file; the frames of the function's packages come after it.
    """
    found = list(_frames(error.get("stackTrace") or (), _PYTHON_FRAME))
    # A traceback of Node begins with the innermost one (https://docs.aws.amazon.com/lambda/latest/dg/nodejs-exceptions.html).
    found += list(_frames(error.get("trace") or (), _NODE_FRAME))[::-1]
    return [frame for frame in found if frame.file == found[0].file]


def _frames(lines: Iterable[Any], pattern: re.Pattern[str]) -> Iterator[Frame]:
    for line in lines:
        if match := pattern.search(str(line)):
            yield Frame(match["file"], int(match["line"]), match.groupdict().get("where", "").strip())


def _is_full(log: str) -> bool:
    """Whether the REPORT line says that the function used all of its memory."""
    size, used = _MEMORY.search(log), _MEMORY_USED.search(log)
    return bool(size and used and int(used[1]) >= int(size[1]))


def first_line(message: Any) -> str:
    """The main sentence of an error's message, shortened, without the id of the request."""
    text = _REQUEST.sub("", str(message or "")).strip()
    return _shortened(text.splitlines()[0].rstrip(" .:")) if text else ""


def _all_lines(error: Mapping[str, Any]) -> str:
    """All lines of a schema error: the field is in one line, the reason in the next."""
    lines = [line.strip() for line in str(error.get("errorMessage") or "").splitlines()]
    until = lines.index("") if "" in lines else len(lines)
    return _shortened(": ".join(lines[:until]).rstrip(" .:"))


def _shortened(text: str) -> str:
    return f"{text[:_MAX_MESSAGE]}..." if len(text) > _MAX_MESSAGE else text
