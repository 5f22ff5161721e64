"""WebSocket APIs that refuse a client, route no message, or post to a closed connection."""

import contextlib
from textwrap import dedent

from websockets.exceptions import InvalidStatus

from harness.engine.websocket import WebSocket
from tests.contract.lab.broken_stack import BrokenStack, Stack

_INVOKED = "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions"
_STAGE = dedent(
    """
    Stage:
      Type: AWS::ApiGatewayV2::Stage
      DependsOn: Route
      Properties: {ApiId: !Ref Api, StageName: v1, AutoDeploy: true}
    """
)
_API = dedent(
    """
    Api:
      Type: AWS::ApiGatewayV2::Api
      Properties: {Name: lab, ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action}
    """
)
_INTEGRATION = dedent(
    f"""
    Integration:
      Type: AWS::ApiGatewayV2::Integration
      Properties:
        ApiId: !Ref Api
        IntegrationType: AWS_PROXY
        IntegrationUri: !Sub {_INVOKED}/${{Function.Arn}}/invocations
    """
)
_PERMISSION = dedent(
    """
    Permission:
      Type: AWS::Lambda::Permission
      Properties: {FunctionName: !Ref Function, Action: lambda:InvokeFunction, Principal: apigateway.amazonaws.com}
    """
)
_FUNCTION = dedent(
    """
    Function:
      Type: AWS::Serverless::Function
      Properties:
        InlineCode: |
          def handler(event, context):
              return {"statusCode": 200}
    """
)
_HERE = _FUNCTION.replace("Function:", "Function:  # <- here")
_GUARDED = dedent(
    f"""
    Route:
      Type: AWS::ApiGatewayV2::Route
      Properties:
        ApiId: !Ref Api
        RouteKey: $connect
        Target: !Sub integrations/${{Integration}}
        AuthorizationType: CUSTOM
        AuthorizerId: !Ref Guard
    GuardPermission:
      Type: AWS::Lambda::Permission
      Properties: {{FunctionName: !Ref Check, Action: lambda:InvokeFunction, Principal: apigateway.amazonaws.com}}
    Guard:  # <- guard
      Type: AWS::ApiGatewayV2::Authorizer
      Properties:
        ApiId: !Ref Api
        Name: guard
        AuthorizerType: REQUEST
        AuthorizerUri: !Sub {_INVOKED}/${{Check.Arn}}/invocations
        IdentitySource: [route.request.querystring.token]  # <- source
    """
)
_CHECK = dedent(
    """
    Check:  # <- check
      Type: AWS::Serverless::Function
      Properties:
        InlineCode: |
          def handler(event, context):
              statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": event["methodArn"]}
              return {"principalId": "ada", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
    """
)
_BACK = dedent(
    """
    Function:  # <- here
      Type: AWS::Serverless::Function
      Properties:
        Policies:
          - Version: "2012-10-17"
            Statement:
              - Effect: Allow
                Action: execute-api:ManageConnections
                Resource: !Sub arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/v1/*
        InlineCode: |
          import boto3
          def handler(event, context):
              request = event["requestContext"]
              address = f"https://{request['domainName']}/{request['stage']}"
              gateway = boto3.client("apigatewaymanagementapi", endpoint_url=address)
              client = {"ConnectionId": request["connectionId"]}
              def end():
                  gateway.delete_connection(**client)
              def say():
                  gateway.post_to_connection(**client, Data=b"x" * 20)
              for step in (end, say):
                  step()
              return {"statusCode": 200}
    """
)


def _route(key: str, mark: str = "") -> str:
    return dedent(
        f"""
        Route:{mark}
          Type: AWS::ApiGatewayV2::Route
          Properties: {{ApiId: !Ref Api, RouteKey: {key}, Target: !Sub "integrations/${{Integration}}"}}
        """
    )


def _guarded(mark: str) -> str:
    """The stack with an authorizer of `$connect`, and the marker where it belongs."""
    text = _API + _STAGE + _INTEGRATION + _PERMISSION + _FUNCTION + _GUARDED + _CHECK
    for name in ("guard", "source", "check"):
        text = text.replace(f"  # <- {name}", "  # <- here" if name == mark else "")
    return text


def _url(stack: Stack) -> str:
    return stack.target.websocket_url(stack.id("Api"), "v1")


def said(stack: Stack) -> None:
    """A client sends a message without a matching route. It stays connected until its API is deleted."""
    WebSocket.open(_url(stack), ping_interval=None).send('{"action": "dance"}')


def came(stack: Stack) -> None:
    """A client comes with a key."""
    with contextlib.suppress(InvalidStatus), WebSocket.open(f"{_url(stack)}?key=1"):
        pass


def came_with_a_token(stack: Stack) -> None:
    with contextlib.suppress(InvalidStatus), WebSocket.open(f"{_url(stack)}?token=1"):
        pass


BROKEN: list[BrokenStack] = [
    BrokenStack(
        "a message that no route of a WebSocket API takes",
        _API.replace(", RouteS", ",\n      RouteS").replace(".action}", ".action  # <- here\n    }")
        + _STAGE + _route("sing") + _INTEGRATION + _PERMISSION + _FUNCTION,
        said,
        "route-not-found",
        "No route of API Api takes the message, whose action is 'dance', and it has no $default.",
        fixed={"RouteKey: sing": "RouteKey: $default"},
    ),
    BrokenStack(
        "a function that a WebSocket API may not invoke",
        _API + _STAGE + _route("$default", "  # <- here") + _INTEGRATION + _FUNCTION
        + _PERMISSION.replace("apigateway.amazonaws.com", "s3.amazonaws.com"),
        said,
        "lambda-permission-missing",
        "API Api could not hand the event to function Function: no Lambda permission lets apigateway.amazonaws.com "
        "invoke it.",
        fixed={"s3.amazonaws.com": "apigateway.amazonaws.com"},
    ),
    BrokenStack(
        "a function of a WebSocket API that raises",
        _API + _STAGE + _route("dance") + _INTEGRATION + _PERMISSION
        + _HERE.replace('{"statusCode": 200}', '{"statusCode": event["status"]}'),
        said,
        "handler-raised",
        "Function Function raised KeyError: 'status' (index.py, line 2).",
        fixed={'event["status"]': "200"},
    ),
    BrokenStack(
        "a function that speaks to a connection that it has ended",
        _API + _STAGE + _route("dance") + _INTEGRATION + _PERMISSION + _BACK,
        said,
        "connection-gone",
        "Function Function posted to connection … of API Api, which is gone: DeleteConnection closed it at … UTC, … s "
        "before (1000 …).",
        fixed={"(end, say)": "(say, end)"},
    ),
    BrokenStack(
        "a function that sends a client more than a message may hold",
        # The place is the API, whose limit it is.
        _API.replace("Api:\n", "Api:  # <- here\n", 1) + _STAGE + _route("dance") + _INTEGRATION + _PERMISSION
        + _BACK.replace("  # <- here", "").replace("(end, say)", "(say,)").replace("* 20", "* 140_000"),
        said,
        "too-large",
        "What function Function gave to websocket api Api is too large for it: Message too long.",
        fixed={"140_000": "14"},
    ),
    BrokenStack(
        "an authorizer of $connect that lets nobody in",
        _guarded("guard").replace('"Effect": "Allow"', '"Effect": "Deny"'),
        came_with_a_token,
        "connection-not-authorized",
        "The connection to API Api was refused with 403 by its authorizer Guard: the policy that function Check answered "
        "does not allow it.",
        fixed={'"Effect": "Deny"': '"Effect": "Allow"'},
    ),
    BrokenStack(
        "an authorizer of $connect that looks for what the client does not send",
        _guarded("source"),
        came,
        "identity-source-missing",
        "The connection to API Api was refused with 401: it has no ?token=, which its authorizer Guard asks for.",
        fixed={"querystring.token": "querystring.key"},
    ),
    BrokenStack(
        "an authorizer of $connect that fails",
        _guarded("check").replace('"principalId": "ada"', '"principalId": event["user"]'),
        came_with_a_token,
        "authorizer-failed",
        "The connection to API Api was refused with 500: its authorizer Guard failed, as function Check raised "
        "KeyError: 'user' (index.py, line 3).",
        fixed={'event["user"]': '"ada"'},
    ),
    BrokenStack(
        "a $connect whose function refuses",
        _API + _STAGE + _route("$connect") + _INTEGRATION + _PERMISSION
        + _HERE.replace("200", "400"),
        came,
        "connection-refused",
        "The connection to API Api was refused with 400: function Function of $connect answered that.",
        fixed={"400": "200"},
    ),
]  # fmt: skip
