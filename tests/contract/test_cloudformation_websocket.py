"""WebSocket APIs by CloudFormation and by SAM.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ApiGatewayV2.html
"""

import json
import uuid
from copy import deepcopy

import pytest
from botocore.exceptions import WaiterError

from tests.contract.websocket_apis import ECHO, WebSocketApi, ask

ROLE = "arn:aws:iam::000000000000:role/contract"
DELAY = {"Delay": 1}


def template():
    function = {"Handler": "index.handler", "Runtime": "python3.11", "Role": ROLE, "Code": {"ZipFile": ECHO}}
    uri = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Function.Arn}/invocations"
    api = {"Ref": "Api"}

    def resource(kind, **properties):
        return {"Type": f"AWS::ApiGatewayV2::{kind}", "Properties": {"ApiId": api, **properties}}

    target = {"Fn::Sub": "integrations/${Integration}"}
    return {
        "Resources": {
            "Function": {"Type": "AWS::Lambda::Function", "Properties": function},
            "Permission": {
                "Type": "AWS::Lambda::Permission",
                "Properties": {
                    "FunctionName": {"Ref": "Function"},
                    "Action": "lambda:InvokeFunction",
                    "Principal": "apigateway.amazonaws.com",
                    "SourceArn": {
                        "Fn::Sub": "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*"
                    },
                },
            },
            "Api": {
                "Type": "AWS::ApiGatewayV2::Api",
                "Properties": {
                    "Name": "contract",
                    "ProtocolType": "WEBSOCKET",
                    "RouteSelectionExpression": "$request.body.action",
                },
            },
            "Integration": resource("Integration", IntegrationType="AWS_PROXY", IntegrationUri={"Fn::Sub": uri}),
            "Ping": resource("Route", RouteKey="ping", Target=target, RouteResponseSelectionExpression="$default"),
            "PingResponse": resource("RouteResponse", RouteId={"Ref": "Ping"}, RouteResponseKey="$default"),
            "Deployment": resource("Deployment") | {"DependsOn": ["Ping", "PingResponse"]},
            "Stage": resource(
                "Stage", StageName="test", DeploymentId={"Ref": "Deployment"}, StageVariables={"colour": "red"}
            ),
        },
        "Outputs": {
            "Api": {"Value": api},
            "Endpoint": {"Value": {"Fn::GetAtt": ["Api", "ApiEndpoint"]}},
            "Stage": {"Value": {"Ref": "Stage"}},
        },
    }


@pytest.fixture
def stack(aws):
    name = f"websocket-{uuid.uuid4().hex[:12]}"
    yield name
    aws("cloudformation").delete_stack(StackName=name)


def create(aws, stack, body, **options):
    cloudformation = aws("cloudformation")
    cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(body), **options)
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig=DELAY)
    return outputs(aws, stack)


def update(aws, stack, body):
    cloudformation = aws("cloudformation")
    cloudformation.update_stack(StackName=stack, TemplateBody=json.dumps(body))
    cloudformation.get_waiter("stack_update_complete").wait(StackName=stack, WaiterConfig=DELAY)


def outputs(aws, stack):
    [described] = aws("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}


def reason(aws, stack, logical_id):
    events = aws("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    return next(
        e["ResourceStatusReason"]
        for e in events
        if e["LogicalResourceId"] == logical_id and e.get("ResourceStatusReason")
    )


def test_a_stack_makes_an_api_that_serves(aws, engine, stack):
    made = create(aws, stack, template())
    assert made["Endpoint"] == f"wss://{made['Api']}.execute-api.us-east-1.amazonaws.com"
    assert len(made["Api"]) == 10
    api = WebSocketApi(engine, made["Api"], made["Stage"])
    with api.connected() as client:
        event = ask(client, {"action": "ping"})
    assert (event["requestContext"]["routeKey"], event["stageVariables"]) == ("ping", {"colour": "red"})


def test_an_update_serves_what_its_new_deployment_has(aws, engine, stack):
    """A deployment is a picture: what changed since goes out with another, by its logical id."""
    before = template()
    api = WebSocketApi(engine, create(aws, stack, before)["Api"], "test")
    after = deepcopy(before)
    resources = after["Resources"]
    resources["Ping"]["Properties"]["RouteKey"] = "pong"
    update(aws, stack, after)
    with api.connected() as client:
        assert ask(client, {"action": "pong"})["message"] == "Forbidden"
    resources["NextDeployment"] = resources.pop("Deployment")
    resources["Stage"]["Properties"] |= {"DeploymentId": {"Ref": "NextDeployment"}}
    del resources["Stage"]["Properties"]["StageVariables"]
    update(aws, stack, after)
    assert outputs(aws, stack)["Api"] == api.api_id
    with api.connected() as client:
        event = ask(client, {"action": "pong"})
    assert event["requestContext"]["routeKey"] == "pong"
    assert "stageVariables" not in event


@pytest.mark.parametrize(
    ("logical_id", "properties", "says"),
    [
        ("Api", {"ProtocolType": "HTTP"}, "The emulator does not serve APIs of protocol HTTP"),
        ("Ping", {"ApiKeyRequired": True}, "The emulator does not serve ApiKeyRequired of a WebSocket API's Route"),
        ("Ping", {"Nonsense": 1}, "unknown property Nonsense"),
        ("Stage", {"ClientCertificateId": "c"}, "The emulator does not serve ClientCertificateId"),
        ("Integration", {"IntegrationType": "AWS"}, "The emulator does not serve integrations of type AWS"),
    ],
)
def test_unsupported_websocket_property_is_refused(aws, stack, logical_id, properties, says):
    body = template()
    body["Resources"][logical_id]["Properties"] |= properties
    with pytest.raises(WaiterError):
        create(aws, stack, body)
    assert says in reason(aws, stack, logical_id)


def test_a_deployment_without_routes_is_refused(aws, stack):
    """As on AWS, where a template without DependsOn fails
    (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-set-up-websocket-deployment.html)."""
    body = template()
    for name in ("Ping", "PingResponse"):
        del body["Resources"][name]
    body["Resources"]["Deployment"]["DependsOn"] = "Integration"
    with pytest.raises(WaiterError):
        create(aws, stack, body)
    assert "no routes exist in this API" in reason(aws, stack, "Deployment")


def test_a_websocket_api_of_sam_serves(aws, engine, stack):
    """https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-websocketapi.html"""
    body = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {
            "Function": {
                "Type": "AWS::Serverless::Function",
                "Properties": {
                    "Handler": "index.handler", "Runtime": "python3.11", "Role": ROLE, "InlineCode": ECHO,
                },
            },
            "Api": {
                "Type": "AWS::Serverless::WebSocketApi",
                "Properties": {
                    "RouteSelectionExpression": "$request.body.action",
                    "StageName": "test",
                    "Routes": {
                        "$connect": {"FunctionArn": {"Fn::GetAtt": ["Function", "Arn"]}},
                        "ping": {
                            "FunctionArn": {"Fn::GetAtt": ["Function", "Arn"]},
                            "RouteResponseSelectionExpression": "$default",
                        },
                    },
                },
            },
        },
        "Outputs": {"Api": {"Value": {"Ref": "Api"}}},
    }  # fmt: skip
    made = create(aws, stack, body, Capabilities=["CAPABILITY_AUTO_EXPAND", "CAPABILITY_IAM"])
    with WebSocketApi(engine, made["Api"], "test").connected() as client:
        client.send(json.dumps({"action": "nothing"}))
        assert json.loads(client.recv(timeout=20))["message"] == "Forbidden"
