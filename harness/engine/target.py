"""The target of AWS calls: address, region, credentials, capabilities."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from harness.engine.aws_session import session_without_environment
from harness.engine.capabilities import CALLBACKS, DESCRIPTIONS, HARNESS_API
from harness.engine.control import HarnessApi
from harness.engine.outbox import Outbox
from harness.engine.token import headers
from harness.engine.tracing import add_header
from harness.errors import MissingCapabilityError

if TYPE_CHECKING:
    import boto3

# AWS may throttle a call. Elsewhere a call is made once, so that a test sees the first response.
_ATTEMPTS_ON_AWS = 8


@dataclass(frozen=True)
class Callback:
    """How the target reaches a server that a test starts on this machine.

    The server listens on `bind_address`, and the target calls it as `host`.
    """

    bind_address: str = "127.0.0.1"
    host: str = "127.0.0.1"


@dataclass(frozen=True)
class Target:
    """The engine as tests see it: where AWS calls go.

    `engine` is the kind: embedded, docker, endpoint or aws. `endpoint_url` is one address for all services; None for AWS itself,
    where each service has an address. `capabilities` are names of `harness.engine.capabilities`.

    `deployment` is the name of this project's deployment on a shared target; None on a dedicated one. Calls are signed with test
    credentials, or with those of the environment (or of AWS's `profile`).
    """

    engine: str
    endpoint_url: str | None
    region: str = "us-east-1"
    account_id: str = "000000000000"
    capabilities: frozenset[str] = field(default_factory=frozenset)
    deployment: str | None = None
    ambient_credentials: bool = False
    profile: str | None = None
    callback: Callback | None = None
    token: str | None = field(default=None, repr=False)
    """The engine's token, which its own endpoints require in addition to the address (`harness.engine.token`)."""

    def __repr__(self) -> str:
        # pytest shows it for every failed test that uses such a fixture.
        return f"<{self.engine} target at {self.address}>"

    @property
    def address(self) -> str:
        """Its address, for messages."""
        return self.endpoint_url or f"AWS account {self.account_id}, {self.region}"

    @property
    def is_aws(self) -> bool:
        """Whether it needs as long as AWS does."""
        return self.engine == "aws"

    def require(self, *capabilities: str) -> None:
        """Raise MissingCapabilityError for the first unsupported one of these, ValueError for an unknown name."""
        for capability in capabilities:
            if capability not in DESCRIPTIONS:
                raise ValueError(
                    f"There is no capability {capability!r}; there are: {', '.join(sorted(DESCRIPTIONS))}."
                )
            if capability not in self.capabilities:
                raise MissingCapabilityError(
                    capability,
                    f"needs a target that {DESCRIPTIONS[capability]}; the {self.engine} target at {self.address} does not",
                )

    @cached_property
    def session(self) -> "boto3.Session":
        import boto3  # 0.2 s, which commands without AWS calls do not need

        if self.ambient_credentials:
            return boto3.Session(profile_name=self.profile, region_name=self.region)
        # LocalStack takes an access key id of twelve digits as the account.
        return boto3.Session(
            aws_access_key_id=self.account_id,
            aws_secret_access_key="test",
            region_name=self.region,
            botocore_session=session_without_environment(),
        )

    def client(self, service: str, **arguments: Any) -> Any:
        """A boto3 client of this target. It retries on AWS only, so that elsewhere a test sees the first response."""
        from botocore.config import Config

        config = Config(
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS_ON_AWS if self.is_aws else 1},
            max_pool_connections=50,
        )
        if self.endpoint_url:
            config = config.merge(Config(s3={"addressing_style": "path"}))
        else:
            # AWS itself, whatever AWS_ENDPOINT_URL says now.
            config = config.merge(Config(ignore_configured_endpoint_urls=True))  # type: ignore[call-arg]  # not in the stubs
        if self.endpoint_url and is_this_machine(self.endpoint_url):
            # Without proxies, not even those of the environment.
            config = config.merge(Config(proxies={}))
        config = config.merge(arguments.pop("config", Config()))
        # Typed for literal service names only.
        create: Any = self.session.client
        client = create(service, endpoint_url=self.endpoint_url, config=config, **arguments)
        client.meta.events.register("before-call", lambda params, **_: add_header(params["headers"]))
        return client

    def rest_api_url(self, api_id: str, stage: str) -> str:
        """The base URL of an API Gateway REST API's stage, without a slash at its end."""
        if self.endpoint_url is None:
            return f"https://{api_id}.execute-api.{self.region}.{self._domain}/{stage}"
        return f"{self.endpoint_url}/_aws/execute-api/{api_id}/{stage}"

    def load_balancer_url(self, dns_name: str, port: int | None = None) -> str:
        """The base URL of an Application Load Balancer by its `DNSName`, without a slash at its end.

        `port` is the listener's port; by default 80, or the only one.
        """
        if self.endpoint_url is not None and "load-balancers" in self.capabilities:
            # Browsers resolve names below localhost; other resolvers need not.
            listener = f":{port}" if port else ""
            return f"{self.endpoint_url}/_aws/elb/{dns_name.partition('.')[0]}{listener}"
        scheme = "https" if port == 443 else "http"
        return f"{scheme}://{dns_name}" + ("" if port in (None, 80, 443) else f":{port}")

    def websocket_url(self, api_id: str, stage: str) -> str:
        """The address of an API Gateway WebSocket API's stage, for a client that opens a connection."""
        if self.endpoint_url is None:
            return f"wss://{api_id}.execute-api.{self.region}.{self._domain}/{stage}"
        return f"ws{self.endpoint_url.removeprefix('http')}/_aws/ws/{api_id}/{stage}"

    def user_pool_url(self, user_pool_id: str) -> str:
        """The address where a Cognito user pool publishes its keys and its OpenID configuration (below `/.well-known`)."""
        if self.endpoint_url is None:
            return f"https://cognito-idp.{self.region}.{self._domain}/{user_pool_id}"
        return f"{self.endpoint_url}/{user_pool_id}"

    def hosted_sign_in_url(self, domain: str) -> str:
        """The hosted sign-in of a Cognito user pool's domain (its prefix, not a custom domain)."""
        if self.endpoint_url is None:
            return f"https://{domain}.auth.{self.region}.amazoncognito.com"
        return f"{self.endpoint_url}/_aws/cognito-idp/{domain}"

    @property
    def reachable_from(self) -> Callback:
        """The address that a test's server needs for the target to reach it. Raises MissingCapabilityError."""
        if self.callback is None:
            self.require(CALLBACKS)
            return Callback()
        return self.callback

    @cached_property
    def harness(self) -> HarnessApi:
        """The engine's test API. Raises MissingCapabilityError if the target does not support it."""
        if self.endpoint_url is None or not self.capabilities & HARNESS_API.keys():
            raise MissingCapabilityError(
                "harness-api",
                f"needs the test API of our engines, /_harness; the {self.engine} target at {self.address} has none",
            )
        return HarnessApi(self.endpoint_url, secret=self.token, trust_env=not is_this_machine(self.endpoint_url))

    @property
    def harness_headers(self) -> Mapping[str, str]:
        """The headers of a request to `/_harness/*`, and to LocalStack's endpoints below `/_localstack/` and `/_aws/`."""
        return headers(self.token)

    @cached_property
    def outbox(self) -> Outbox:
        """The mails and text messages that left the system. Raises MissingCapabilityError if the target does not support it."""
        self.require("outbox")
        return Outbox(self.harness)

    @property
    def _domain(self) -> str:
        return "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"


def is_this_machine(url: str) -> bool:
    """Whether an address is on this machine's loopback interface, which proxies do not serve."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
