"""`@connections`: how a back end sends to a client, queries its connection, or closes it.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html

The API's operations have the address of a stage in front of their paths, or in their host's name. The address is taken off
before LocalStack looks what is called, and kept in a header, by which IAM is asked about the right API too.
"""

import json
import re
from functools import cache
from typing import Any
from urllib.parse import unquote

from localstack import config
from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.chain import HandlerChain
from localstack.aws.spec import ServiceModel, load_service
from localstack.http import Response

from harness.emulator.journal.causes import CAUSE
from harness.emulator.websocket import journal
from harness.emulator.websocket.access import WEBSOCKET_STAGE
from harness.emulator.websocket.apis import find_api
from harness.emulator.websocket.connections import CONNECTIONS, NORMAL, Closing, WebSocketConnection
from harness.emulator.websocket.errors import bad_request

MAX_PAYLOAD_BYTES = 128 * 1024
_HOST = re.compile(r"(?P<api>[a-z0-9]{10})\.execute-api\.[a-z0-9\-]+\.")
_LOCAL = re.compile(r"/_aws/ws/(?P<api>[a-z0-9]+)(?:\.execute-api\.[^/]+)?/(?P<stage>[^/]+)(?P<rest>/.*)?")
_STAGE = re.compile(r"/(?P<stage>[^/]+)(?P<rest>/.*)?")
_CONNECTION = re.compile(r"/(?:@|%40)connections/(?P<id>[^/]+)")


def address(chain: HandlerChain, context: RequestContext, response: Response) -> None:
    """A request handler, before all that looks at host and path: takes the address of a WebSocket API off a request."""
    request = context.request
    path = request.path
    named = _LOCAL.fullmatch(path)
    api_id = named["api"] if named else None
    if named is None and (host := _HOST.match(request.host)) and find_api(host["api"]) is not None:
        api_id, named = host["api"], _STAGE.fullmatch(path)
    request.headers.pop(WEBSOCKET_STAGE, None)
    if named is None or api_id is None:
        return
    rest = named["rest"] or ""
    if request.method == "WEBSOCKET":
        _go_to(context, f"/_aws/ws/{api_id}/{named['stage']}")
    elif _CONNECTION.fullmatch(rest):
        api = find_api(api_id)
        if api is None:
            # On AWS such a name does not resolve; here the engine answers, and says why.
            told = json.dumps({"message": f"There is no WebSocket API {api_id}"})
            response.update_from(Response(told, 403, {"x-amzn-ErrorType": "ForbiddenException"}))
            chain.stop()
            return
        request.headers[WEBSOCKET_STAGE] = api.arn(named["stage"])
        context.service = _service()
        _go_to(context, rest.replace("%40", "@", 1))


@cache
def _service() -> ServiceModel:
    """One model for all calls: LocalStack keeps a parser for each model that it has seen."""
    return load_service("apigatewaymanagementapi")


def _go_to(context: RequestContext, path: str) -> None:
    request = context.request
    request.headers["Host"] = request.environ["HTTP_HOST"] = config.GATEWAY_LISTEN[0].host_and_port()
    # Read once and kept for every reader, this module among them.
    vars(request).pop("host", None)
    request.environ["PATH_INFO"] = request.path = path
    query = request.query_string.decode()
    request.environ["RAW_URI"] = request.environ["REQUEST_URI"] = f"{path}?{query}" if query else path


def _open(context: RequestContext, connection_id: str) -> WebSocketConnection:
    connection_id = unquote(connection_id)
    connection = CONNECTIONS.get(connection_id)
    if connection is not None and connection.arn == context.request.headers.get(WEBSOCKET_STAGE):
        if connection.closing is not None:
            # It is in the table until its own thread takes it out.
            raise _gone()
        return connection
    if not re.fullmatch(r"[\w\-]{15}=", connection_id):
        raise bad_request(f"Invalid connectionId: {connection_id}")
    raise _gone()


def _gone() -> CommonServiceException:
    return CommonServiceException("GoneException", "", status_code=410, sender_fault=True)


def post_to_connection(context: RequestContext, request: dict[str, Any]) -> None:
    connection = _open(context, request["ConnectionId"])
    data = request.get("Data") or b""
    body = data.read() if hasattr(data, "read") else data
    body = body.encode() if isinstance(body, str) else body
    if len(body) > MAX_PAYLOAD_BYTES:
        raise CommonServiceException("PayloadTooLargeException", "Message too long", status_code=413, sender_fault=True)
    try:
        message: str | bytes = body.decode()
    except UnicodeDecodeError:
        message = body
    if not connection.send(message):
        raise _gone()
    journal.frame_sent(connection, "PostToConnection", message)


def get_connection(context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
    connection = _open(context, request["ConnectionId"])
    return {
        "ConnectedAt": connection.connected_at,
        "LastActiveAt": connection.last_active_at,
        "Identity": {"SourceIp": connection.source_ip, "UserAgent": connection.user_agent or ""},
    }


def delete_connection(context: RequestContext, request: dict[str, Any]) -> None:
    connection = _open(context, request["ConnectionId"])
    if not connection.close(Closing(NORMAL, "Connection Closed Normally", "DeleteConnection"), CAUSE.get()):
        raise _gone()


OPERATIONS = {
    "DeleteConnection": delete_connection,
    "GetConnection": get_connection,
    "PostToConnection": post_to_connection,
}
