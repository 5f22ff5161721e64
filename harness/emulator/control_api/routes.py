"""`/_harness/*`: the engine's test API (docs/reference/harness-api.md).

Requests and responses are JSON. The response to an invalid request is 400 with `{"error": what is wrong}`; to a request for
something that does not exist, 404.
"""

import json
import math
import os
import zlib
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from typing import Any

from localstack.constants import VERSION
from localstack.http import Request, Response
from localstack.services.edge import ROUTER
from localstack.utils.xray.trace_header import TraceHeader
from pydantic import ValidationError

from harness.emulator.access.enforcement import ACCESS, ModeSetting
from harness.emulator.bounded.expressions import ExpressionError, compiled
from harness.emulator.cloudformation.left_out import IGNORED
from harness.emulator.cloudformation.supported_types import supported_types
from harness.emulator.control_api import plugins
from harness.emulator.control_api.preload import Preload, preload
from harness.emulator.control_api.reset import ResetScope, reset
from harness.emulator.controls import capabilities, timers
from harness.emulator.controls.faults import FAULTS, Fault
from harness.emulator.controls.outbox import OUTBOX, Channel
from harness.emulator.door.installation import has_token
from harness.emulator.journal import secrets
from harness.emulator.journal.activity import activity
from harness.emulator.journal.recorder import JOURNAL
from harness.emulator.patches import REGISTER
from harness.journal.records import Kind

MAX_WAIT_SECONDS = 60.0
MAX_BODY_BYTES = 10_000_000
MAX_DEPTH = 64


def _json(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body, default=str), status=status, mimetype="application/json")


def answers(endpoint: Callable[..., Any]) -> Callable[..., Response]:
    """Serialise what the endpoint returns, and turn what it raises into an answer that says what was wrong."""

    def call(request: Request, **path_parameters: Any) -> Response:
        try:
            return _json(endpoint(request, **path_parameters))
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg']}" for e in error.errors())
            return _json({"error": problems}, 400)
        except LookupError as error:
            return _json({"error": str(error.args[0]) if error.args else str(error)}, 404)
        except ValueError as error:
            return _json({"error": str(error)}, 400)

    return call


def _body(request: Request) -> dict[str, Any]:
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise ValueError(f"the request body has more than {MAX_BODY_BYTES:,} bytes")
    try:
        data = request.get_data()
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"the request body cannot be read: {error}") from error
    try:
        body = json.loads(data) if data else {}
    except RecursionError:
        raise ValueError(f"the request body is nested more than {MAX_DEPTH} levels deep") from None
    except ValueError as error:
        raise ValueError(f"the request body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise ValueError("the request body must be a JSON object")
    _hold_to_depth(body)
    return body


def _hold_to_depth(body: Any) -> None:
    """What is written into the journal and answered is walked by functions that call themselves."""
    level = [body]
    for _ in range(MAX_DEPTH):
        level = [value for part in level for value in (part.values() if isinstance(part, dict) else part)]
        level = [value for value in level if isinstance(value, dict | list)]
        if not level:
            return
    raise ValueError(f"the request body is nested more than {MAX_DEPTH} levels deep")


class ReadyRoute:
    """Answers `/_harness/ready`: 503 with the reasons if a plugin of the emulator is missing from this engine."""

    def __init__(self, failures: Sequence[str]) -> None:
        self.failures = failures

    def __call__(self, request: Request) -> Response:
        status = 503 if self.failures else 200
        if not has_token(request):
            # For health checks, and for clients that ask which token this engine wants.
            return _json({"ready": not self.failures, "engine": "serverless-harness"}, status)
        body: dict[str, Any] = {
            "ready": not self.failures,
            # Before the rest: a message that quotes the answer shows its beginning.
            **({"error": "; ".join(self.failures)} if self.failures else {}),
            "pid": os.getpid(),
            "capabilities": capabilities.provided(),
            # `differ`: what is not the code that our changes to it were written against.
            "patches": REGISTER.to_json(),
            "versions": {
                **{name: metadata.version(name) for name in ("serverless-harness", "moto-ext")},
                # LocalStack's own image runs it from its source, which need not be a distribution.
                "localstack-core": VERSION,
            },
        }
        return _json(body, status)


def _number(query: Mapping[str, str], name: str) -> float:
    try:
        number = float(query.get(name, 0))
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise ValueError(f"{name}: {query[name]!r} is not a number from 0 on")
    return number


@answers
def get_outbox(request: Request) -> dict[str, Any]:
    query = request.args
    unknown = set(query) - {"after", "recipient", "channel", "subject", "wait_seconds"}
    if unknown:
        raise ValueError(f"unknown parameter: {', '.join(sorted(unknown))}")
    try:
        subject = compiled(query["subject"]) if "subject" in query else None
    except ExpressionError as error:
        raise ValueError(f"subject: not a regular expression: {error}") from error
    if "channel" in query and query["channel"] not in {c.value for c in Channel}:
        raise ValueError(f"channel: {query['channel']!r} is none of {', '.join(c.value for c in Channel)}")
    try:
        messages = OUTBOX.read(
            after=int(_number(query, "after")),
            recipient=query.get("recipient"),
            channel=Channel(query["channel"]) if "channel" in query else None,
            subject=subject.search if subject else None,
            wait_seconds=min(_number(query, "wait_seconds"), MAX_WAIT_SECONDS),
        )
    except ExpressionError as error:
        raise ValueError(f"subject: {error}") from error
    return {"messages": [m.to_json() for m in messages]}


@answers
def delete_outbox(_request: Request) -> dict[str, Any]:
    return {"removed": OUTBOX.clear()}


@answers
def get_faults(_request: Request) -> dict[str, Any]:
    return {"faults": FAULTS.to_json()}


@answers
def put_fault(request: Request) -> dict[str, Any]:
    fault = Fault.model_validate(_body(request))
    FAULTS.put(fault)
    return {"fault_id": fault.fault_id}


@answers
def delete_faults(_request: Request, fault_id: str | None = None) -> dict[str, Any]:
    removed = FAULTS.remove(fault_id)
    if fault_id is not None and not removed:
        raise LookupError(f"no fault {fault_id} is in force")
    return {"removed": removed}


@answers
def post_fire(request: Request) -> dict[str, Any]:
    body = _body(request)
    kind = body.pop("kind", None)
    if not isinstance(kind, str):
        raise ValueError('"kind" must say what to fire')
    # What it begins is a flow with a name, also where a person fires it from a shell.
    trace = TraceHeader.from_header_str(request.headers.get("X-Amzn-Trace-Id")).ensure_root_exists().root
    with activity(Kind.TIMER, service="harness", name=kind, trace=trace, data={"what": "fire", **body}) as fired:
        fired.ended = timers.fire(kind, body)
        return dict(fired.ended)


@answers
def post_preload(request: Request) -> dict[str, Any]:
    return preload(Preload.model_validate(_body(request)))


@answers
def post_reset(request: Request) -> dict[str, Any]:
    scope = ResetScope.model_validate(_body(request))
    answer = reset(scope)
    # After the journal is emptied: readers learn that the recorded state was deleted.
    JOURNAL.note(
        Kind.WORK, service="harness", name="reset", data={"scope": scope.scope, "account_id": scope.account_id}
    )
    return answer


@answers
def get_iam(request: Request) -> dict[str, Any]:
    return ACCESS.to_json(limit=int(_number(request.args, "limit")) if "limit" in request.args else 100)


@answers
def put_iam(request: Request) -> dict[str, Any]:
    ACCESS.mode = ModeSetting.model_validate(_body(request)).mode
    return {"mode": ACCESS.mode.value}


@answers
def delete_iam(_request: Request) -> dict[str, Any]:
    ACCESS.forget()
    return {"mode": ACCESS.mode.value}


@answers
def get_secrets(_request: Request) -> dict[str, Any]:
    """`key`: what marks are made with, in hexadecimal. `shown`: whether the engine was started to remember what they stand
    for; then `marks` says it."""
    return secrets.told()


@answers
def get_resource_types(_request: Request) -> dict[str, Any]:
    """`ignored`: by type and property what has no effect here, with the values that mean what is done anyway."""
    return {"types": supported_types(), "ignored": IGNORED}


@answers
def no_endpoint(request: Request, **_path: Any) -> dict[str, Any]:
    raise LookupError(f"there is no {request.method} {request.path}; docs/reference/harness-api.md lists the endpoints")


def install() -> None:
    # What none of the others takes would reach the services, as a request of S3.
    for path in ("/_harness", "/_harness/", "/_harness/<path:rest>"):
        ROUTER.add(path, no_endpoint)
    capabilities.provide("faults", "fire", "outbox", "preload", "reset", "cloudformation-types", "rest-api-authorizers")
    ROUTER.add("/_harness/cloudformation/types", get_resource_types, methods=["GET"])
    ROUTER.add("/_harness/outbox", get_outbox, methods=["GET"])
    ROUTER.add("/_harness/outbox", delete_outbox, methods=["DELETE"])
    ROUTER.add("/_harness/faults", get_faults, methods=["GET"])
    ROUTER.add("/_harness/faults", put_fault, methods=["PUT"])
    ROUTER.add("/_harness/faults", delete_faults, methods=["DELETE"])
    ROUTER.add("/_harness/faults/<fault_id>", delete_faults, methods=["DELETE"])
    ROUTER.add("/_harness/iam", get_iam, methods=["GET"])
    ROUTER.add("/_harness/iam", put_iam, methods=["PUT"])
    ROUTER.add("/_harness/iam", delete_iam, methods=["DELETE"])
    ROUTER.add("/_harness/fire", post_fire, methods=["POST"])
    ROUTER.add("/_harness/preload", post_preload, methods=["POST"])
    ROUTER.add("/_harness/reset", post_reset, methods=["POST"])
    ROUTER.add("/_harness/secrets", get_secrets, methods=["GET"])
    ROUTER.add("/_harness/ready", ReadyRoute(plugins.failures()), methods=["GET"])
