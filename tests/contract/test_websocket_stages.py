"""Stages of WebSocket APIs: what they log, and how much they let through.

https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-logging.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-protect.html
"""

import json
from uuid import uuid4

import boto3
import pytest
from botocore.exceptions import ClientError
from websockets.exceptions import InvalidStatus

from harness.journal.records import Kind
from tests.contract.websocket_apis import ECHO, ask

FORMAT = {
    name: f"$context.{name}"
    for name in ("requestId", "eventType", "routeKey", "status", "connectionId", "identity.sourceIp", "error.message")
}
FAILS = 'def handler(event, context): raise RuntimeError("no")'
# A separate account: the role belongs to the account.
ACCOUNT = "111122223333"
ROLE = "arn:aws:iam::000000000000:role/contract"


@pytest.fixture
def logging(aws):
    """API Gateway may write logs. This is never revoked: another test may be using it."""
    operation = {"op": "replace", "path": "/cloudwatchRoleArn", "value": ROLE}
    aws("apigateway").update_account(patchOperations=[operation])


@pytest.fixture
def log_group(aws):
    name = f"contract-{uuid4().hex[:12]}"
    aws("logs").create_log_group(logGroupName=name)
    yield name, f"arn:aws:logs:us-east-1:000000000000:log-group:{name}"
    aws("logs").delete_log_group(logGroupName=name)


def lines(aws, group):
    return [event["message"] for event in aws("logs").filter_log_events(logGroupName=group)["events"]]


@pytest.mark.usefixtures("logging")
def test_an_access_log_has_a_line_for_each_request(websocket_api, aws, log_group, flow):
    name, arn = log_group
    stage = {"AccessLogSettings": {"DestinationArn": arn, "Format": json.dumps(FORMAT)}}
    api = websocket_api({"$connect": ECHO, "say": ECHO}, answering=("say",), stage=stage)
    with flow() as f:
        header = {"X-Amzn-Trace-Id": f"Root={f.root}"}
        with api.connected(additional_headers=header) as client:
            said = ask(client, {"action": "say"})["requestContext"]
            ask(client, {"action": "other"})
    # A client does not wait when it disconnects: the API may not have noticed it yet.
    f.wait_until(lambda seen: seen.find(Kind.CONNECTION))
    f.settle()
    # Log events of the same millisecond have no order: the client disconnects right after the message.
    order = ("CONNECT", "say", "other", "DISCONNECT")
    written = [json.loads(line) for line in lines(aws, name)]
    written.sort(
        key=lambda line: order.index(line["eventType"] if line["eventType"] != "MESSAGE" else line["routeKey"])
    )
    assert [(line["eventType"], line["routeKey"], line["status"]) for line in written] == [
        ("CONNECT", "$connect", "200"),
        ("MESSAGE", "say", "200"),
        ("MESSAGE", "other", "403"),
        ("DISCONNECT", "$disconnect", "200"),
    ]
    assert written[1]["requestId"] == said["requestId"]
    assert {line["connectionId"] for line in written} == {said["connectionId"]}
    assert [line["error.message"] for line in written] == ["-", "-", "Forbidden", "-"]


@pytest.mark.usefixtures("logging")
@pytest.mark.parametrize("level", ["INFO", "ERROR"])
def test_an_execution_log_says_what_became_of_requests(websocket_api, aws, flow, level):
    stage = {"DefaultRouteSettings": {"LoggingLevel": level, "DataTraceEnabled": True}}
    api = websocket_api({"say": ECHO, "fail": FAILS}, answering=("say",), stage=stage)
    with flow() as f, api.connected(additional_headers={"X-Amzn-Trace-Id": f"Root={f.root}"}) as client:
        said = ask(client, {"action": "say"})["requestContext"]["requestId"]
        failed = ask(client, {"action": "fail"})["requestId"]
    f.settle()
    written = lines(aws, f"/aws/apigateway/{api.api_id}/test")
    of_failed = [line for line in written if line.startswith(f"({failed})")]
    assert any("Execution failed due to" in line for line in of_failed)
    of_said = [line for line in written if line.startswith(f"({said})")]
    assert bool(of_said) is (level == "INFO")
    assert any("Endpoint request body after transformations: {" in line for line in of_said) is (level == "INFO")


def test_a_stage_cannot_log_without_the_accounts_role(engine):
    """As on AWS, where the message is the same (https://repost.aws/knowledge-center/api-gateway-cloudwatch-logs)."""
    gateway = boto3.client(
        "apigatewayv2",
        endpoint_url=engine.endpoint_url,
        region_name=engine.region,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="test",
    )
    api = gateway.create_api(Name="a", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")
    try:
        with pytest.raises(ClientError, match="CloudWatch Logs role ARN must be set in account settings"):
            gateway.create_stage(ApiId=api["ApiId"], StageName="test", DefaultRouteSettings={"LoggingLevel": "INFO"})
    finally:
        gateway.delete_api(ApiId=api["ApiId"])


def test_a_route_lets_through_what_its_bucket_has(websocket_api):
    stage = {
        "DefaultRouteSettings": {"ThrottlingBurstLimit": 2, "ThrottlingRateLimit": 0.001},
        "RouteSettings": {"free": {"ThrottlingBurstLimit": 100, "ThrottlingRateLimit": 100.0}},
    }
    api = websocket_api({"say": ECHO, "free": ECHO}, answering=("say", "free"), stage=stage)
    with api.connected() as client:
        told = [ask(client, {"action": "say"}).get("message") for _ in range(3)]
        assert told == [None, None, "Too Many Requests"]
        assert [ask(client, {"action": "free"}).get("message") for _ in range(3)] == [None] * 3
    with api.connected():
        pass
    with pytest.raises(InvalidStatus) as error, api.connected():
        pass
    assert error.value.response.status_code == 429


def test_stage_settings_for_an_unknown_route_are_refused(websocket_api):
    with pytest.raises(ClientError, match="Unable to find Route by key nothing"):
        websocket_api({"say": ECHO}, stage={"RouteSettings": {"nothing": {"ThrottlingBurstLimit": 1}}})
