"""What an emulator that lists functions and APIs is found out at; the real ones are in tests/contract."""

import json
import re

import pytest

from harness.engine import Target
from harness.engine.probe import probe
from tests.unit.engine.conftest import query_error

NO_IAM = query_error(501, "InternalFailure", "no IAM")
NO_LOGS = (501, "application/json", '{"__type": "InternalFailure", "message": "no logs"}')


def body(status=200, **content):
    return status, "application/json", json.dumps(content)


class Functions:
    """A Lambda API that has at most one function; `states` are what it says of it, one after the other."""

    def __init__(self, *states, result="what was sent", left=()):
        self.states, self.result = list(states), result
        self.names = list(left)
        self.deleted: list[str] = []

    def __call__(self, method, path):
        name = (
            path.rstrip("/").rsplit("/", 1)[-1]
            if method == "DELETE"
            else re.sub(r".*/functions/?([^/]*).*", r"\1", path)
        )
        if method == "DELETE":
            self.deleted.append(name)
            return 204, "application/json", ""
        if path.endswith("/invocations"):
            return self._invoked(name)
        if method == "POST":
            self.names.append("made")
            return body(201, FunctionName="made")
        if name:
            state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
            return body(FunctionName=name, **state)
        return body(Functions=[{"FunctionName": listed} for listed in self.names])

    def _invoked(self, name):
        return 200, "application/json", json.dumps({"asked": name}) if self.result == "what was sent" else self.result


ACTIVE = {"State": "Active"}
PENDING = {"State": "Pending", "StateReason": "The function is being created."}
FAILED = {"State": "Failed", "StateReason": "Error while creating lambda:\n Docker not available"}


def ask(serving, functions):
    target = Target("endpoint", serving({"lambda": functions, "iam": NO_IAM, "logs": NO_LOGS}))
    return probe(target, ["lambda"]).get("lambda")


@pytest.mark.parametrize(
    "states", [[ACTIVE], [PENDING, PENDING, ACTIVE], [{}]], ids=["at once", "later", "tells no state"]
)
def test_function_that_returns_a_result_is_supported(serving, states):
    functions = Functions(*states)
    assert ask(serving, functions) is None
    [removed] = functions.deleted
    assert removed.startswith("harness-probe-")


@pytest.mark.parametrize(
    ("functions", "said"),
    [
        (
            Functions(PENDING, FAILED),
            "a function that was made did not become active: Failed, Error while creating lambda: Docker not available",
        ),
        # The response of moto's simple Lambda to every invocation (docs.getmoto.org, lambda-simple).
        (
            Functions(ACTIVE, result="Simple Lambda happy path OK"),
            "a function that was made was not run: it returns its event, and 'Simple Lambda happy path OK' came back",
        ),
        (
            Functions(ACTIVE, result="null"),
            "a function that was made was not run: it returns its event, and 'null' came back",
        ),
    ],
    ids=["failed", "pretends", "nothing"],
)
def test_function_that_does_not_run_is_reported_and_deleted(serving, functions, said):
    assert ask(serving, functions) == said
    assert len(functions.deleted) == 1


def test_function_that_cannot_be_deleted_is_not_made_again(serving):
    """LocalStack 4.14.0 keeps resources whose creation failed."""
    functions = Functions(FAILED, left=["orders", "harness-probe-1"])
    assert ask(serving, functions).startswith("a function that was made did not become active: Failed, ")
    assert functions.names == ["orders", "harness-probe-1"]


class Apis:
    """A REST API's control plane; what it has made is answered elsewhere by `page`."""

    def __init__(self):
        self.deleted: list[str] = []

    def __call__(self, method, path):
        if method == "DELETE":
            self.deleted.append(path)
            return 202, "application/json", ""
        if path.rstrip("/") == "/restapis":
            return body(201, id="abc123") if method == "POST" else body(item=[])
        return body(item=[{"id": "root", "path": "/"}]) if path.endswith("/resources") else body(201, id="made")


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ((200, "application/json", '{"api": "abc123"}'), None),
        ((200, "text/html", "<p>Welcome"), "200 Welcome"),
        ((404, "application/xml", "<Error><Code>NoSuchBucket</Code></Error>"), "404 NoSuchBucket"),
    ],
)
def test_an_api_is_called_where_it_should_be(serving, page, said):
    apis = Apis()
    url = serving({"apigateway": apis, "/_aws/execute-api/abc123/probe/": page})
    place = f"an API that was made is not at {url}/_aws/execute-api/abc123/probe: "
    assert probe(Target("endpoint", url), ["apigateway"]) == ({} if said is None else {"apigateway": place + said})
    assert apis.deleted == ["/restapis/abc123"]
