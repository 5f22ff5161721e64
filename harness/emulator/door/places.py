"""Which area of the engine a request is for: the one list of the paths and hosts that are more than an AWS API.

Below a first part that begins with an underscore is what AWS does not have. Such a path is closed unless it is listed here, so
that an endpoint which a later LocalStack adds is closed, too.
"""

import re
from enum import Enum, auto
from urllib.parse import unquote


class RequestArea(Enum):
    CONTROL = auto()
    """Reads or changes the engine itself, or what no AWS API shows: wants the token, and no browser."""
    READY = auto()
    """Says whether the engine runs, for health checks: no token, and no foreign page."""
    CALLBACK = auto()
    """Addresses that hold a secret, which the engine gives to what it started: no token, and no browser."""
    DEPLOYED = auto()
    """What was deployed, as its users reach it: open to browsers, as on AWS. Its own settings decide (CORS, authorizers)."""
    RESOURCE = auto()
    """Calls of AWS's APIs at the address of one resource, a queue or a WebSocket API: no page makes them."""
    AWS = auto()
    """AWS's APIs: the caller is who signed the request."""


_READY = (
    ("GET", r"/_harness/ready"),
    # testcontainers, Terraform's and CI's wait loops, LocalStack's own command line.
    ("GET", r"/_localstack/health"),
    ("GET", r"/_localstack/init(/[a-z]+)?"),
)
_CALLBACK = (
    # A custom resource's function answers here (`cloudformation.custom_resource`).
    ("PUT", r"/_harness/cloudformation/responses/[0-9a-f]+"),
    # LocalStack's own Lambda executor: a function's container asks for its events.
    ("*", r"/_localstack_lambda/.+"),
    # The certificate that a subscriber checks the signature of SNS's messages with.
    ("GET", r"/_aws/sns/SimpleNotificationService-[0-9a-f]+\.pem"),
)
_DEPLOYED_PATHS = (
    r"/_aws/execute-api/[^/]+(/.*)?",
    r"/_aws/ws/[^/]+(/.*)?",
    r"/_aws/elb/[^/]+(/.*)?",
    r"/_aws/lambda-url/[^/]+(/.*)?",
    r"/_aws/cognito-idp/[^/]+/.+",
    r"/restapis/[^/]+/[^/]+/_user_request_(/.*)?",
    # A user pool's keys are public on AWS, too.
    r"/[a-z0-9-]+_[A-Za-z0-9]+/\.well-known/(jwks\.json|openid-configuration)",
)
_DEPLOYED_HOSTS = (
    r"[^.]+\.execute-api\.[^:]+",
    r"[^.]+\.lambda-url\.[^:]+",
    r".+\.s3-website[.-][^:]+",
    r"[^.]+\.[a-z0-9-]+\.elb\.localhost",
)
_MANAGEMENT = re.compile(r".*/@connections(/.*)?", re.DOTALL)
"""Calls of AWS's API that are made at the address of a WebSocket API
(https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html)."""
_QUEUE = re.compile(r"/(queue/[a-z0-9-]+/)?[0-9]{12}/[A-Za-z0-9_-]+(\.fifo)?/?")
"""What is served at a queue's URL, whatever the host, before the second judgement."""


def _compiled(paths: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{path})" for path in paths), re.DOTALL)


_PATHS, _HOSTS = _compiled(_DEPLOYED_PATHS), re.compile("|".join(f"(?:{h})" for h in _DEPLOYED_HOSTS), re.IGNORECASE)


def place_of(method: str, host: str, raw_path: str) -> RequestArea:
    """`host` without its port, `raw_path` as it came, without the query. In doubt a place is closed."""
    if _is_reserved(raw_path):
        if _listed(_READY, "GET" if method == "HEAD" else method, raw_path):
            return RequestArea.READY
        if _listed(_CALLBACK, method, raw_path):
            return RequestArea.CALLBACK
        if _MANAGEMENT.fullmatch(raw_path) and _PATHS.fullmatch(raw_path):
            return RequestArea.RESOURCE
        return RequestArea.DEPLOYED if _PATHS.fullmatch(raw_path) else RequestArea.CONTROL
    if _QUEUE.fullmatch(raw_path) or _MANAGEMENT.fullmatch(raw_path):
        return RequestArea.RESOURCE
    if _PATHS.fullmatch(raw_path) or _HOSTS.fullmatch(host):
        return RequestArea.DEPLOYED
    return RequestArea.AWS


def takes_any_host(raw_path: str) -> bool:
    """Whether a client may choose the Host: a load balancer passes on any, and its rules may ask for one
    (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-rule-condition-types.html)."""
    return re.fullmatch(r"/_aws/elb/[^/]+(/.*)?", raw_path, re.DOTALL) is not None


def _listed(listed: tuple[tuple[str, str], ...], method: str, path: str) -> bool:
    return any(verb in ("*", method) and re.fullmatch(pattern, path) for verb, pattern in listed)


def _is_reserved(path: str) -> bool:
    """Also where it is written so that another part of the engine might read it otherwise."""
    seen = path
    for _ in range(3):
        if re.match(r"[/\\.]*_", seen):
            return True
        seen = unquote(seen)
    return False
