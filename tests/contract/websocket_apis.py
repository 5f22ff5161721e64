"""Makes WebSocket APIs whose routes are functions, and connects clients to them."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from websockets.sync.client import ClientConnection, connect

from harness.engine import Target
from tests.contract.functions import MakeFunction

ECHO = """
import json
def handler(event, context):
    return {"statusCode": 200, "body": json.dumps(event)}
"""
"""Returns its event."""
TELLS = """
import json, boto3
def handler(event, context):
    about = event["requestContext"]
    address = f"https://{about['domainName']}/{about['stage']}"
    client = boto3.client("apigatewaymanagementapi", endpoint_url=address)
    client.post_to_connection(ConnectionId=about["connectionId"], Data=json.dumps(event))
    return {"statusCode": 200}
"""
"""Posts the event that it got to the connection that it came over, by the address that AWS has."""


@dataclass
class WebSocketApi:
    """An API that was deployed, and what a test does with it."""

    target: Target
    api_id: str
    stage: str

    @property
    def url(self) -> str:
        return self.target.websocket_url(self.api_id, self.stage)

    @contextmanager
    def connected(self, query: str = "", **options: Any) -> Iterator[ClientConnection]:
        with connect(self.url + query, **options) as client:
            yield client

    @property
    def connections(self) -> Any:
        """The client of `@connections`."""
        url = f"http{self.url.removeprefix('ws')}"
        return self.target.session.client("apigatewaymanagementapi", endpoint_url=url)

    def arn(self, rest: str) -> str:
        return f"arn:aws:execute-api:{self.target.region}:{self.target.account_id}:{self.api_id}/{rest}"


MakeApi = Callable[..., WebSocketApi]


def ask(client: ClientConnection, message: Any) -> Any:
    """Send a message (as JSON, if it is no text) and return the next that comes, from JSON."""
    client.send(message if isinstance(message, str) else json.dumps(message))
    return json.loads(client.recv(timeout=20))


def invocation_uri(target: Target, arn: str) -> str:
    return f"arn:aws:apigateway:{target.region}:lambda:path/2015-03-31/functions/{arn}/invocations"


@pytest.fixture
def websocket_api(aws: Callable[[str], Any], engine: Target, function: MakeFunction) -> Iterator[MakeApi]:
    """`websocket_api({route key: source of a function or settings of an integration})`: deployed to the stage `test`.

    `answering` are the routes that have a route response. `authorizer` is the source of a function, with the further settings
    `authorizer_settings`.
    """
    gateway = aws("apigatewayv2")
    made: list[str] = []

    def function_arn(source: str, permitted: bool) -> str:
        arn: str = aws("lambda").get_function(FunctionName=function(source).name)["Configuration"]["FunctionArn"]
        if permitted:
            aws("lambda").add_permission(
                FunctionName=arn,
                StatementId="api",
                Action="lambda:InvokeFunction",
                Principal="apigateway.amazonaws.com",
            )
        return arn

    def make(
        routes: Mapping[str, Any],
        *,
        answering: tuple[str, ...] = (),
        authorizer: str | None = None,
        authorizer_settings: Mapping[str, Any] | None = None,
        permitted: bool = True,
        expression: str = "$request.body.action",
        stage: Mapping[str, Any] | None = None,
    ) -> WebSocketApi:
        api_id = gateway.create_api(
            Name=f"contract-{uuid4().hex[:8]}", ProtocolType="WEBSOCKET", RouteSelectionExpression=expression
        )["ApiId"]
        made.append(api_id)
        arns: dict[str, str] = {}
        for key, served in routes.items():
            if isinstance(served, str):
                arns[served] = arns.get(served) or function_arn(served, permitted)
                served = {"IntegrationType": "AWS_PROXY", "IntegrationUri": invocation_uri(engine, arns[served])}
            integration = gateway.create_integration(ApiId=api_id, **served)["IntegrationId"]
            settings = {"RouteKey": key, "Target": f"integrations/{integration}"}
            if key in answering:
                settings["RouteResponseSelectionExpression"] = "$default"
            if key == "$connect" and authorizer is not None:
                uri = invocation_uri(engine, function_arn(authorizer, permitted))
                settings["AuthorizationType"] = "CUSTOM"
                settings["AuthorizerId"] = gateway.create_authorizer(
                    ApiId=api_id,
                    Name="who",
                    AuthorizerType="REQUEST",
                    AuthorizerUri=uri,
                    **{"IdentitySource": ["route.request.querystring.token"], **(authorizer_settings or {})},
                )["AuthorizerId"]
            route = gateway.create_route(ApiId=api_id, **settings)["RouteId"]
            if key in answering:
                gateway.create_route_response(ApiId=api_id, RouteId=route, RouteResponseKey="$default")
        deployment = gateway.create_deployment(ApiId=api_id)["DeploymentId"]
        gateway.create_stage(ApiId=api_id, StageName="test", DeploymentId=deployment, **(stage or {}))
        return WebSocketApi(engine, api_id, "test")

    yield make
    for api_id in made:
        gateway.delete_api(ApiId=api_id)
