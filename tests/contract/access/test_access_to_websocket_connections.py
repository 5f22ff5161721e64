"""Which callers may post to the clients of a WebSocket API
(https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-control-access-iam.html)."""

import json

import boto3

from tests.contract.access.conftest import allow, refused
from tests.contract.websocket_apis import ECHO, ask


def test_a_connection_is_spoken_to_by_whom_policies_let(websocket_api, role, engine):
    api = websocket_api({"$default": ECHO}, answering=("$default",))
    url = f"http{api.url.removeprefix('ws')}"
    with api.connected() as client:
        connection_id = ask(client, "hello")["requestContext"]["connectionId"]
        someone = role()
        assumed = engine.client("sts").assume_role(RoleArn=someone.arn, RoleSessionName="tester")["Credentials"]
        connections = boto3.client(
            "apigatewaymanagementapi",
            endpoint_url=url,
            region_name=engine.region,
            aws_access_key_id=assumed["AccessKeyId"],
            aws_secret_access_key=assumed["SecretAccessKey"],
            aws_session_token=assumed["SessionToken"],
        )
        code, status, message = refused(connections.post_to_connection, ConnectionId=connection_id, Data=b"hello")
        assert (code, status) == ("ForbiddenException", 403) or (code, status) == ("AccessDeniedException", 403)
        assert "execute-api:ManageConnections" in message
        someone.may(allow("execute-api:ManageConnections", api.arn("test/POST/@connections/*")))
        connections.post_to_connection(ConnectionId=connection_id, Data=b'"hello"')
        assert json.loads(client.recv(timeout=20)) == "hello"
        assert refused(connections.delete_connection, ConnectionId=connection_id)[1] == 403
