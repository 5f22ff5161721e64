"""Latency of a message over a WebSocket API: `python benchmarks/websocket_round_trip.py [N]` (N samples, default 100).

Uses the engine that `harness up` started, else starts one. Milliseconds as the client sees them, warm, on one
connection: from `ping` to the `pong` that the function returns (a route response) or posts to the connection.
"""

import io
import json
import sys
import zipfile
from pathlib import Path
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).parent))

from measure import Figure, show, timed_ms
from websockets.sync.client import ClientConnection, connect

from harness import Project, Target

SOURCE = """
import json, boto3
clients = {}
def handler(event, context):
    about = event["requestContext"]
    if about["routeKey"] == "post":
        address = f"https://{about['domainName']}/{about['stage']}"
        if address not in clients:
            clients[address] = boto3.client("apigatewaymanagementapi", endpoint_url=address)
        clients[address].post_to_connection(ConnectionId=about["connectionId"], Data=b'"pong"')
    return {"statusCode": 200, "body": '"pong"'}
"""


def make_function(target: Target) -> str:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as into:
        into.writestr("index.py", SOURCE)
    name, functions = f"benchmark-{uuid4().hex[:12]}", target.client("lambda")
    made = functions.create_function(
        FunctionName=name,
        Runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
        Handler="index.handler",
        Role=make_role(target),
        Code={"ZipFile": packed.getvalue()},
        MemorySize=512,
    )
    functions.add_permission(
        FunctionName=name, StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com"
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
    return str(made["FunctionArn"])


def make_role(target: Target) -> str:
    iam, name = target.client("iam"), f"benchmark-{uuid4().hex[:12]}"
    anyone = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [anyone]})
    )
    may = {"Effect": "Allow", "Action": "execute-api:ManageConnections", "Resource": "*"}
    iam.put_role_policy(
        RoleName=name, PolicyName="may", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [may]})
    )
    return str(role["Role"]["Arn"])


def make_api(target: Target, function: str) -> str:
    gateway = target.client("apigatewayv2")
    api = gateway.create_api(
        Name="benchmark", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )["ApiId"]
    uri = f"arn:aws:apigateway:{target.region}:lambda:path/2015-03-31/functions/{function}/invocations"
    integration = gateway.create_integration(ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=uri)
    goes_to = f"integrations/{integration['IntegrationId']}"
    gateway.create_route(ApiId=api, RouteKey="post", Target=goes_to)
    answer = gateway.create_route(
        ApiId=api, RouteKey="answer", Target=goes_to, RouteResponseSelectionExpression="$default"
    )
    gateway.create_route_response(ApiId=api, RouteId=answer["RouteId"], RouteResponseKey="$default")
    gateway.create_stage(ApiId=api, StageName="test", AutoDeploy=True)
    gateway.create_deployment(ApiId=api, StageName="test")
    return str(api)


def round_trips(client: ClientConnection, action: str, samples: int) -> list[float]:
    def once() -> None:
        client.send(json.dumps({"action": action}))
        if client.recv(timeout=20) != '"pong"':
            raise SystemExit("the function did not answer as it should")

    for _ in range(5):
        once()
    return [timed_ms(once) for _ in range(samples)]


def main(samples: int) -> None:
    project = Project.load(Path.cwd())
    started = not project.engine.is_alive()
    target = project.engine.start()
    function = make_function(target)
    api = make_api(target, function)
    try:
        with connect(target.websocket_url(api, "test")) as client:
            show(
                [
                    Figure(
                        "ping to pong, a route response", round_trips(client, "answer", samples), "ms", "aim: under 25"
                    ),
                    Figure("ping to pong, posted back", round_trips(client, "post", samples), "ms", "aim: under 25"),
                ]
            )
    finally:
        target.client("apigatewayv2").delete_api(ApiId=api)
        target.client("lambda").delete_function(FunctionName=function)
        if started:
            project.engine.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
