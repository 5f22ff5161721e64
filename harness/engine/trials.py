"""Tests services that many emulators list but do not run: creates a resource, uses it and deletes it."""

import io
import json
import secrets
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import Any, Protocol

import httpx
from botocore.config import Config

from harness.engine.answers import ERRORS, LacksError, one_line, understood
from harness.engine.target import Target, is_this_machine

NAME = "harness-probe"
"""The prefix of all created names."""

# The emulator may have to pull an image for the function.
_FUNCTION_SECONDS = 120.0
_FUNCTION_TIMES = Config(connect_timeout=5, read_timeout=_FUNCTION_SECONDS)
_POLL_SECONDS = 0.1
_FUNCTION = "def handler(event, context):\n    return event\n"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}

_API_SECONDS = 60.0
_STAGE = "probe"


class Clients(Protocol):
    def __call__(self, service: str, config: Config = ...) -> Any:
        """A boto3 client, also from several threads. Raises LacksError for a service that boto3 does not know."""


def run_a_function(target: Target, clients: Clients) -> None:
    """Raises LacksError unless a Lambda function can be created, becomes active and returns its result."""
    client = clients("lambda", _FUNCTION_TIMES)
    name = _new_name()
    with understood(any_error=True):
        _recall_a_failure(client)
    with understood(any_error=True), _role(target, clients("iam"), name) as role:
        try:
            client.create_function(
                FunctionName=name,
                Runtime="python3.12",
                Handler="index.handler",
                Role=role,
                Code={"ZipFile": _zip({"index.py": _FUNCTION})},
                Timeout=60,  # not the default of 3 seconds: the first invocation is slow on a busy machine
            )
            _wait_until_active(client, name)
            _invoke(client, name)
        finally:
            with suppress(*ERRORS):
                client.delete_function(FunctionName=name)
            with suppress(*ERRORS):
                clients("logs").delete_log_group(logGroupName=f"/aws/lambda/{name}")


def call_an_api(target: Target, clients: Clients) -> None:
    """Raises LacksError unless a REST API can be created, deployed and called at its address."""
    client = clients("apigateway")
    with understood(any_error=True):
        api_id = client.create_rest_api(name=_new_name())["id"]
        try:
            [root] = client.get_resources(restApiId=api_id)["items"]
            method = {"restApiId": api_id, "resourceId": root["id"], "httpMethod": "GET"}
            client.put_method(**method, authorizationType="NONE")
            client.put_integration(**method, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
            client.put_method_response(**method, statusCode="200")
            client.put_integration_response(
                **method, statusCode="200", responseTemplates={"application/json": json.dumps({"api": api_id})}
            )
            client.create_deployment(restApiId=api_id, stageName=_STAGE)
            _get(target.rest_api_url(api_id, _STAGE), api_id)
        finally:
            with suppress(*ERRORS):
                client.delete_rest_api(restApiId=api_id)


TRIALS: Mapping[str, Callable[[Target, Clients], None]] = MappingProxyType(
    {"apigateway": call_an_api, "lambda": run_a_function}
)
"""By boto3's name of the service."""


def _new_name() -> str:
    return f"{NAME}-{secrets.token_hex(4)}"


def _get(url: str, api_id: str) -> None:
    try:
        answer = httpx.get(f"{url}/", timeout=_API_SECONDS, trust_env=not is_this_machine(url))
    except httpx.HTTPError as error:
        raise LacksError(f"an API that was made is not at {url}: {error!r}") from error
    if answer.status_code != 200 or api_id not in answer.text:
        said = f"{answer.status_code} {one_line(answer.text)}".rstrip()
        raise LacksError(f"an API that was made is not at {url}: {said}")


def _recall_a_failure(client: Any) -> None:
    """LocalStack 4.14.0 cannot delete a function that never became active (500, "Unable to find version manager"). So that
    probes do not accumulate such functions, all later probes reuse the failed function of the first."""
    for listed in client.list_functions()["Functions"]:
        if listed["FunctionName"].startswith(f"{NAME}-"):
            with suppress(client.exceptions.ResourceNotFoundException):  # belongs to another probe, which has ended
                _raise_if_failed(client.get_function_configuration(FunctionName=listed["FunctionName"]))


@contextmanager
def _role(target: Target, iam: Any, name: str) -> Iterator[str]:
    """The ARN of a role for a function. Some emulators require an existing role, others have no IAM and accept any ARN."""
    made_up = f"arn:aws:iam::{target.account_id}:role/{name}"
    made = None
    with suppress(*ERRORS):
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"]["Arn"]
    try:
        yield made or made_up
    finally:
        if made:
            with suppress(*ERRORS):
                iam.delete_role(RoleName=name)


def _wait_until_active(client: Any, name: str) -> None:
    deadline = time.monotonic() + _FUNCTION_SECONDS
    while True:
        function = client.get_function_configuration(FunctionName=name)
        _raise_if_failed(function)
        if function.get("State", "Active") == "Active":
            return
        if time.monotonic() > deadline:
            raise LacksError(
                f"a function that was made was not active after {_FUNCTION_SECONDS:.0f} seconds: {_state(function)}"
            )
        time.sleep(_POLL_SECONDS)


def _raise_if_failed(function: Mapping[str, Any]) -> None:
    if function.get("State") == "Failed":
        raise LacksError(f"a function that was made did not become active: {_state(function)}")


def _state(function: Mapping[str, Any]) -> str:
    reason = one_line(str(function.get("StateReason", "")))
    return f"{function['State']}" + (f", {reason}" if reason else "")


def _invoke(client: Any, name: str) -> None:
    event = {"asked": name}
    answer = client.invoke(FunctionName=name, Payload=json.dumps(event).encode())
    payload = answer["Payload"].read().decode(errors="replace")
    if answer.get("FunctionError"):
        raise LacksError(f"a function that was made could not be run: {one_line(payload)}")
    try:
        result = json.loads(payload)
    except ValueError:
        result = None
    if result != event:
        raise LacksError(
            f"a function that was made was not run: it returns its event, and {one_line(payload) or 'nothing'!r} came back"
        )


def _zip(files: Mapping[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as into:
        for path, text in files.items():
            into.writestr(path, text)
    return packed.getvalue()
