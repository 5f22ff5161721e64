"""WebSocket APIs: the route of a message, the event of its function, and the use of the function's result.

https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-routes.html
"""

import json

import pytest

from tests.contract.websocket_apis import ECHO, ask

FAILS = """
def handler(event, context):
    if event["body"] == "raise":
        raise RuntimeError("no")
    return {"nothing": "to see"}
"""
LATE = """
import time
def handler(event, context):
    time.sleep(3)
    return {"statusCode": 200, "body": "late"}
"""


def test_a_message_goes_to_the_route_that_its_action_names(websocket_api):
    api = websocket_api({"$default": ECHO, "ping": ECHO}, answering=("$default", "ping"))
    with api.connected() as client:
        assert ask(client, {"action": "ping"})["requestContext"]["routeKey"] == "ping"
        assert ask(client, {"action": "other"})["requestContext"]["routeKey"] == "$default"
        assert ask(client, "no JSON")["requestContext"]["routeKey"] == "$default"
        assert ask(client, json.dumps(["ping"]))["requestContext"]["routeKey"] == "$default"


def test_a_route_selection_expression_may_reach_into_the_message(websocket_api):
    routes = {"chat/join": ECHO, "$default": ECHO}
    api = websocket_api(
        routes, answering=tuple(routes), expression="${request.body.about.service}/${request.body.steps[0]}"
    )
    with api.connected() as client:
        joined = ask(client, {"about": {"service": "chat"}, "steps": ["join", "leave"]})
        assert joined["requestContext"]["routeKey"] == "chat/join"
        assert ask(client, {"about": {"service": "chat"}, "steps": []})["requestContext"]["routeKey"] == "$default"


def test_a_message_that_no_route_takes_is_forbidden(websocket_api):
    api = websocket_api({"ping": ECHO})
    with api.connected() as client:
        told = ask(client, {"action": "pong"})
    assert told["message"] == "Forbidden"
    assert set(told) == {"message", "connectionId", "requestId"}


@pytest.mark.parametrize("body", ["raise", "malformed"])
def test_failing_route_function_returns_internal_server_error(websocket_api, body):
    api = websocket_api({"$default": FAILS})
    with api.connected() as client:
        told = ask(client, body)
    assert told["message"] == "Internal server error"
    assert set(told) == {"message", "connectionId", "requestId"}


def test_route_function_without_permission_is_not_invoked(websocket_api):
    """https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html"""
    api = websocket_api({"$default": ECHO}, answering=("$default",), permitted=False)
    with api.connected() as client:
        assert ask(client, "hello")["message"] == "Internal server error"


def test_a_permission_may_be_for_one_route_alone(websocket_api, aws):
    api = websocket_api({"a": ECHO, "b": ECHO}, answering=("a", "b"), permitted=False)
    [integration, _] = aws("apigatewayv2").get_integrations(ApiId=api.api_id)["Items"]
    name = integration["IntegrationUri"].split("/functions/")[1].split("/")[0]
    aws("lambda").add_permission(
        FunctionName=name,
        StatementId="a",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=api.arn("test/a"),
    )
    with api.connected() as client:
        assert ask(client, {"action": "a"})["requestContext"]["routeKey"] == "a"
        assert ask(client, {"action": "b"})["message"] == "Internal server error"


def test_only_a_route_with_a_route_response_responds(websocket_api):
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-response.html"""
    api = websocket_api({"quiet": ECHO, "loud": ECHO}, answering=("loud",))
    with api.connected() as client:
        client.send(json.dumps({"action": "quiet"}))
        assert ask(client, {"action": "loud"})["requestContext"]["routeKey"] == "loud"
        with pytest.raises(TimeoutError):
            client.recv(timeout=0)


def test_an_integration_that_takes_too_long_is_given_up(websocket_api, aws):
    api = websocket_api({"$default": LATE}, answering=("$default",))
    gateway = aws("apigatewayv2")
    [integration] = gateway.get_integrations(ApiId=api.api_id)["Items"]
    gateway.update_integration(ApiId=api.api_id, IntegrationId=integration["IntegrationId"], TimeoutInMillis=50)
    gateway.create_deployment(ApiId=api.api_id, StageName="test")
    with api.connected() as client:
        assert ask(client, "hello")["message"] == "Endpoint request timed out"


def test_messages_of_one_client_are_served_side_by_side(websocket_api, queue):
    """The first waits for what only the second brings."""
    waits = f"""
    import boto3, json
    def handler(event, context):
        answer = boto3.client("sqs").receive_message(QueueUrl="{queue.url}", WaitTimeSeconds=15)
        return {{"statusCode": 200, "body": json.dumps([m["Body"] for m in answer.get("Messages", [])])}}
    """
    brings = f"""
    import boto3
    def handler(event, context):
        boto3.client("sqs").send_message(QueueUrl="{queue.url}", MessageBody="here")
        return {{"statusCode": 200}}
    """
    api = websocket_api({"wait": waits, "bring": brings}, answering=("wait",))
    with api.connected() as client:
        client.send(json.dumps({"action": "wait"}))
        assert ask(client, {"action": "bring"}) == ["here"]


def test_mock_integration_returns_its_template(websocket_api, aws):
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-integrations.html"""
    mock = {"IntegrationType": "MOCK", "RequestTemplates": {"$default": '{"statusCode": 200}'}}
    api = websocket_api({"$connect": mock, "ping": mock}, answering=("ping",))
    gateway = aws("apigatewayv2")
    ping = next(r for r in gateway.get_routes(ApiId=api.api_id)["Items"] if r["RouteKey"] == "ping")
    gateway.create_integration_response(
        ApiId=api.api_id,
        IntegrationId=ping["Target"].removeprefix("integrations/"),
        IntegrationResponseKey="$default",
        ResponseTemplates={"$default": '{"message": "pong", "to": "$context.connectionId"}'},
    )
    gateway.create_deployment(ApiId=api.api_id, StageName="test")
    with api.connected() as client:
        told = ask(client, {"action": "ping"})
    assert (told["message"], len(told["to"])) == ("pong", 16)


def test_stage_serves_its_deployment_until_the_next_one(websocket_api, aws):
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-set-up-websocket-deployment.html"""
    api = websocket_api({"old": ECHO, "$default": ECHO}, answering=("old", "$default"))
    gateway = aws("apigatewayv2")
    old = next(r for r in gateway.get_routes(ApiId=api.api_id)["Items"] if r["RouteKey"] == "old")
    gateway.update_route(ApiId=api.api_id, RouteId=old["RouteId"], RouteKey="new")
    with api.connected() as client:
        assert ask(client, {"action": "new"})["requestContext"]["routeKey"] == "$default"
        gateway.create_deployment(ApiId=api.api_id, StageName="test")
        assert ask(client, {"action": "new"})["requestContext"]["routeKey"] == "new"
        gateway.update_stage(ApiId=api.api_id, StageName="test", AutoDeploy=True)
        gateway.update_route(ApiId=api.api_id, RouteId=old["RouteId"], RouteKey="newest")
        assert ask(client, {"action": "newest"})["requestContext"]["routeKey"] == "newest"


def test_stage_variables_reach_functions_and_name_them(websocket_api, aws):
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/stage-variables.html"""
    api = websocket_api({"$default": ECHO}, answering=("$default",))
    gateway = aws("apigatewayv2")
    [integration] = gateway.get_integrations(ApiId=api.api_id)["Items"]
    name = integration["IntegrationUri"].split(":function:")[1].split("/")[0]
    uri = integration["IntegrationUri"].replace(name, "${stageVariables.which}")
    gateway.update_integration(ApiId=api.api_id, IntegrationId=integration["IntegrationId"], IntegrationUri=uri)
    gateway.update_stage(ApiId=api.api_id, StageName="test", StageVariables={"which": name})
    gateway.create_deployment(ApiId=api.api_id, StageName="test")
    with api.connected() as client:
        assert ask(client, "hello")["stageVariables"] == {"which": name}


def test_message_against_its_model_is_bad_request_body(websocket_api, aws):
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-request-validation.html"""
    api = websocket_api({"say": ECHO}, answering=("say",))
    gateway = aws("apigatewayv2")
    schema = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
    gateway.create_model(ApiId=api.api_id, Name="Say", ContentType="application/json", Schema=json.dumps(schema))
    [route] = gateway.get_routes(ApiId=api.api_id)["Items"]
    gateway.update_route(
        ApiId=api.api_id,
        RouteId=route["RouteId"],
        ModelSelectionExpression="$request.body.kind",
        RequestModels={"loud": "Say"},
    )
    gateway.create_deployment(ApiId=api.api_id, StageName="test")
    with api.connected() as client:
        assert "requestContext" in ask(client, {"action": "say", "kind": "loud", "text": "hello"})
        assert ask(client, {"action": "say", "kind": "loud"})["message"] == "Bad request body"
        # No model is chosen, and none is $default.
        assert ask(client, {"action": "say", "kind": "low", "text": "hello"})["message"] == "Bad request body"
