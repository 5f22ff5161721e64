"""WebSocket APIs: connections are let in, spoken to and ended.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-keys-connect-disconnect.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html
"""

import json
import socket
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.contract.addresses import is_from_this_machine
from tests.contract.websocket_apis import ECHO, TELLS, ask

LETS_IN = """
def handler(event, context):
    said = (event.get("queryStringParameters") or {}).get("say", "200")
    if said == "raise":
        raise RuntimeError("no")
    if said == "nothing":
        return None
    return {"statusCode": int(said), "body": "because"}
"""


def refused(api, query):
    with pytest.raises(InvalidStatus) as error, api.connected(query):
        pass
    return error.value.response


def code_of(error):
    return error.value.response["Error"]["Code"], error.value.response["ResponseMetadata"]["HTTPStatusCode"]


def connection_id_of(client):
    return ask(client, {"action": "who"})["requestContext"]["connectionId"]


def test_connect_function_accepts_or_refuses_the_connection(websocket_api):
    api = websocket_api({"$connect": LETS_IN, "$default": ECHO}, answering=("$default",))
    with api.connected("?say=200") as client:
        assert ask(client, "hello")["body"] == "hello"
    assert [refused(api, f"?say={status}").status_code for status in (401, 403, 404, 500)] == [401, 403, 404, 500]


def test_a_connect_that_fails_is_a_bad_gateway(websocket_api):
    api = websocket_api({"$connect": LETS_IN})
    for said in ("raise", "nothing"):
        response = refused(api, f"?say={said}")
        told = json.loads(response.body)
        assert (response.status_code, told["message"]) == (502, "Internal server error")
        assert {"connectionId", "requestId"} < set(told)


def test_unknown_stage_is_forbidden(websocket_api):
    api = websocket_api({"$default": ECHO})
    api.stage = "other"
    assert refused(api, "").status_code == 403


def test_function_reaches_its_client_by_the_aws_domain_name(websocket_api):
    """Functions make it of the event: https://{domainName}/{stage}."""
    api = websocket_api({"$default": TELLS})
    with api.connected() as client:
        about = ask(client, "hello")["requestContext"]
    assert about["domainName"] == f"{api.api_id}.execute-api.us-east-1.amazonaws.com"


def test_api_responds_under_its_aws_host_name(websocket_api, engine):
    api = websocket_api({"$default": ECHO}, answering=("$default",))
    at = urlsplit(engine.endpoint_url)
    name = f"ws://{api.api_id}.execute-api.us-east-1.amazonaws.com/test"
    with socket.create_connection((at.hostname, at.port)) as sock, connect(name, sock=sock, proxy=None) as client:
        assert ask(client, "hello")["requestContext"]["apiId"] == api.api_id


def test_client_closed_before_handshake_causes_disconnect_event(websocket_api, queue):
    """What $connect entered is for $disconnect to remove."""
    late = f"""
    import boto3, json
    sqs = boto3.client("sqs")
    def handler(event, context):
        about = event["requestContext"]
        if about["eventType"] == "CONNECT":
            sqs.send_message(QueueUrl="{queue.url}", MessageBody="connecting")
            sqs.receive_message(QueueUrl="{queue.url}-gone", WaitTimeSeconds=15)
        else:
            sqs.send_message(QueueUrl="{queue.url}", MessageBody=json.dumps(about))
        return {{"statusCode": 200}}
    """
    name = queue.url.rpartition("/")[2] + "-gone"
    gone = queue.client.create_queue(QueueName=name)["QueueUrl"]
    api = websocket_api({"$connect": late, "$disconnect": late})
    at = urlsplit(api.url)
    request = (
        f"GET {at.path} HTTP/1.1\r\nHost: {at.netloc}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    with socket.create_connection((at.hostname, at.port)) as sock:
        sock.sendall(request.encode())
        assert queue.receive()["Body"] == "connecting"
    queue.client.send_message(QueueUrl=gone, MessageBody="gone")
    about = json.loads(queue.receive()["Body"])
    queue.client.delete_queue(QueueUrl=gone)
    assert (about["eventType"], about["disconnectStatusCode"]) == ("DISCONNECT", 1006)


def test_connection_can_be_posted_to_read_and_deleted(websocket_api):
    api = websocket_api({"$default": ECHO}, answering=("$default",))
    with api.connected() as client:
        connection_id = connection_id_of(client)
        api.connections.post_to_connection(ConnectionId=connection_id, Data=b"to you")
        assert client.recv(timeout=20) == "to you"
        found = api.connections.get_connection(ConnectionId=connection_id)
        assert found["ConnectedAt"] <= found["LastActiveAt"]
        assert is_from_this_machine(found["Identity"]["SourceIp"])
        assert found["Identity"]["UserAgent"].startswith("Python/")
        answer = api.connections.delete_connection(ConnectionId=connection_id)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=20)
        assert closed.value.rcvd.code == 1000
    for operation in ("get_connection", "delete_connection"):
        with pytest.raises(ClientError) as error:
            getattr(api.connections, operation)(ConnectionId=connection_id)
        assert code_of(error) == ("GoneException", 410)


def test_message_to_a_closed_client_is_refused(websocket_api):
    api = websocket_api({"$default": ECHO}, answering=("$default",))
    with api.connected() as client:
        connection_id = connection_id_of(client)
    with pytest.raises(ClientError) as error:
        api.connections.post_to_connection(ConnectionId=connection_id, Data=b"too late")
    assert code_of(error) == ("GoneException", 410)
    with pytest.raises(api.connections.exceptions.GoneException):
        api.connections.post_to_connection(ConnectionId="L0SM9cOFvHcCIhw=", Data=b"nobody")


def test_an_id_that_is_none_is_a_bad_request(websocket_api):
    api = websocket_api({"$default": ECHO})
    with pytest.raises(ClientError) as error:
        api.connections.post_to_connection(ConnectionId="nobody", Data=b"hello")
    assert code_of(error) == ("BadRequestException", 400)


def test_a_connection_is_known_to_its_own_api_alone(websocket_api):
    mine = websocket_api({"$default": ECHO}, answering=("$default",))
    theirs = websocket_api({"$default": ECHO})
    with mine.connected() as client:
        connection_id = connection_id_of(client)
        with pytest.raises(theirs.connections.exceptions.GoneException):
            theirs.connections.post_to_connection(ConnectionId=connection_id, Data=b"hello")


def test_a_message_to_a_client_has_at_most_128_kilobytes(websocket_api):
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html"""
    api = websocket_api({"$default": ECHO}, answering=("$default",))
    with api.connected() as client:
        connection_id = connection_id_of(client)
        api.connections.post_to_connection(ConnectionId=connection_id, Data=b"x" * 128 * 1024)
        assert len(client.recv(timeout=20)) == 128 * 1024
        with pytest.raises(api.connections.exceptions.PayloadTooLargeException) as error:
            api.connections.post_to_connection(ConnectionId=connection_id, Data=b"x" * (128 * 1024 + 1))
        assert code_of(error) == ("PayloadTooLargeException", 413)


def test_a_browser_of_any_origin_gets_a_connection(websocket_api):
    api = websocket_api({"$default": ECHO}, answering=("$default",))
    with api.connected(origin="https://lumen.example") as client:
        assert ask(client, "hello")["body"] == "hello"


def test_subprotocol_is_the_one_that_connect_returns(websocket_api):
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-connect-route-subprotocol.html"""
    takes_first = """
    def handler(event, context):
        asked = event["headers"]["Sec-WebSocket-Protocol"].split(",")[0].strip()
        return {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": asked}}
    """
    api = websocket_api({"$connect": takes_first})
    with api.connected(subprotocols=["lumen", "other"]) as client:
        assert client.subprotocol == "lumen"


@pytest.mark.parametrize(("size", "frames", "code"), [(32 * 1024 + 1, 1, 1009), (128 * 1024 + 4, 5, 1009)])
def test_oversized_frame_or_message_closes_the_connection(websocket_api, size, frames, code):
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html"""
    api = websocket_api({"$default": ECHO}, answering=("$default",))
    with api.connected() as client:
        part = "x" * (32 * 1024)
        client.send([part, part])
        assert len(json.loads(client.recv(timeout=20))["body"]) == 64 * 1024
        step = -(-size // frames)
        client.send("x" * step if frames == 1 else ["x" * step] * frames)
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=20)
        assert closed.value.rcvd.code == code


def test_a_binary_frame_ends_the_connection(websocket_api):
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-binary-media-types.html"""
    api = websocket_api({"$default": ECHO}, answering=("$default",))
    with api.connected() as client:
        client.send(b"\x00\x01")
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=20)
        assert closed.value.rcvd.code == 1003


@pytest.mark.parametrize("over", ["websocket-idle", "websocket-lifetime"])
def test_a_connection_whose_time_is_over_is_ended(websocket_api, engine, over):
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html"""
    api = websocket_api({"$default": ECHO}, answering=("$default",))
    with api.connected() as client:
        engine.harness.fire(over, connection_id=connection_id_of(client))
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=20)
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1001, "Going away")


def test_an_api_that_is_deleted_leaves_no_connection(websocket_api, aws):
    api = websocket_api({"$default": ECHO}, answering=("$default",))
    with api.connected() as client:
        ask(client, "hello")
        aws("apigatewayv2").delete_stage(ApiId=api.api_id, StageName=api.stage)
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=20)
        assert closed.value.rcvd.code == 1001
    assert refused(api, "").status_code == 403
