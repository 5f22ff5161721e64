"""`/_harness/*`: the engine's test API (the table is in ARCHITECTURE.md).

Requests and answers are JSON. A request that cannot be taken is answered 400 with `{"error": what is wrong}`; a thing
that does not exist, 404.
"""

import json
import re
from collections.abc import Callable
from importlib import metadata
from typing import Any

from localstack.http import Request, Response
from localstack.services.edge import ROUTER
from pydantic import ValidationError

from harness.emulator import timers
from harness.emulator.cloudformation.supported_types import supported_types
from harness.emulator.faults import FAULTS, Fault
from harness.emulator.outbox import OUTBOX, Channel
from harness.emulator.reset import Scope, reset

CAPABILITIES: tuple[str, ...] = ("apigateway-authorizers", "cloudformation-types", "faults", "fire", "outbox", "reset")

MAX_WAIT_SECONDS = 60.0


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
    data = request.get_data()
    body = json.loads(data) if data else {}
    if not isinstance(body, dict):
        raise ValueError("the request body must be a JSON object")
    return body


@answers
def get_ready(_request: Request) -> dict[str, Any]:
    return {
        "ready": True,
        "capabilities": sorted(CAPABILITIES),
        "versions": {name: metadata.version(name) for name in ("serverless-harness", "localstack-core", "moto-ext")},
    }


@answers
def get_outbox(request: Request) -> dict[str, Any]:
    query = request.args
    unknown = set(query) - {"after", "recipient", "channel", "subject", "wait_seconds"}
    if unknown:
        raise ValueError(f"unknown parameter: {', '.join(sorted(unknown))}")
    try:
        subject = re.compile(query["subject"]) if "subject" in query else None
    except re.error as error:
        raise ValueError(f"subject: not a regular expression: {error}") from error
    messages = OUTBOX.read(
        after=int(query.get("after", 0)),
        recipient=query.get("recipient"),
        channel=Channel(query["channel"]) if "channel" in query else None,
        subject=subject,
        wait_seconds=min(float(query.get("wait_seconds", 0)), MAX_WAIT_SECONDS),
    )
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
    return timers.fire(kind, body)


@answers
def post_reset(request: Request) -> dict[str, Any]:
    return reset(Scope.model_validate(_body(request)))


@answers
def get_cloudformation_types(_request: Request) -> dict[str, Any]:
    return {"types": supported_types()}


def install() -> None:
    ROUTER.add("/_harness/outbox", get_outbox, methods=["GET"])
    ROUTER.add("/_harness/outbox", delete_outbox, methods=["DELETE"])
    ROUTER.add("/_harness/faults", get_faults, methods=["GET"])
    ROUTER.add("/_harness/faults", put_fault, methods=["PUT"])
    ROUTER.add("/_harness/faults", delete_faults, methods=["DELETE"])
    ROUTER.add("/_harness/faults/<fault_id>", delete_faults, methods=["DELETE"])
    ROUTER.add("/_harness/fire", post_fire, methods=["POST"])
    ROUTER.add("/_harness/reset", post_reset, methods=["POST"])
    ROUTER.add("/_harness/cloudformation/types", get_cloudformation_types, methods=["GET"])
    ROUTER.add("/_harness/ready", get_ready, methods=["GET"])
