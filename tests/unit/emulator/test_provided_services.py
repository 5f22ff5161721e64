"""A service of the emulator is registered in every table that needs it (docs/contributing/add-a-service.md)."""

import tomllib
from pathlib import Path

import pytest

from harness import aws
from harness.emulator.access import authorization_reference

ROOT = Path(__file__).parents[3]
_ENTRY_POINTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"]
PROVIDED = sorted(name.partition(":")[0] for name in _ENTRY_POINTS["localstack.aws.provider"])
IN_DOCS = {
    "apigatewaymanagementapi": "WebSocket APIs",
    "apigatewayv2": "WebSocket APIs",
    "cognito-identity": "identity pools",
    "dynamodbstreams": "DynamoDB",
}
"""How docs/reference/services.md names those that it does not name by their title."""


@pytest.mark.parametrize("service", PROVIDED)
def test_provided_service_has_a_row_of_facts(service):
    row = aws.SERVICES.get(service)
    assert row is not None, f"add a row for {service} to harness/aws"
    assert row.sdk_id, f"the row of {service} has no sdk_id"


@pytest.mark.parametrize("service", PROVIDED)
def test_actions_of_provided_service_are_known_to_iam(service):
    # Of HTTP and WebSocket APIs they are the HTTP methods of the REST APIs' service
    # (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonapigatewaymanagementv2.html).
    prefix = "apigateway" if service == "apigatewayv2" else aws.SERVICES[service].iam_prefix
    assert authorization_reference.service(prefix), f"{authorization_reference.FILE} does not have {prefix}"


@pytest.mark.parametrize("service", PROVIDED)
def test_provided_service_is_in_the_reference_of_services(service):
    name = IN_DOCS.get(service) or aws.SERVICES[service].title
    rows = [line for line in (ROOT / "docs/reference/services.md").read_text("utf-8").splitlines() if line[:1] == "|"]
    assert any(name in row for row in rows), f"docs/reference/services.md does not mention {name!r}"
