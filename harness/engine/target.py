"""The place that answers AWS calls."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from harness.engine.control import HarnessApi
from harness.engine.outbox import Outbox

if TYPE_CHECKING:
    import boto3


@dataclass(frozen=True)
class Target:
    """Where AWS calls go.

    `engine` names how it came to be: embedded, docker, endpoint or aws. `capabilities` says what of the harness's own
    API it has.
    """

    engine: str
    endpoint_url: str
    region: str = "us-east-1"
    account_id: str = "000000000000"
    capabilities: frozenset[str] = field(default_factory=frozenset)

    @cached_property
    def session(self) -> "boto3.Session":
        import boto3  # 0.2 s that a command which makes no AWS call does not pay

        # An access key id of twelve digits selects the account in LocalStack.
        return boto3.Session(aws_access_key_id=self.account_id, aws_secret_access_key="test", region_name=self.region)

    def client(self, service: str, **arguments: Any) -> Any:
        """A boto3 client of this target. It does not retry, so that a test sees the first answer."""
        from botocore.config import Config

        config = Config(
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
            max_pool_connections=50,
            # Not even those that the environment names: the target is on this machine.
            proxies={},
        )
        config = config.merge(arguments.pop("config", Config()))
        # Typed for literal service names only.
        create: Any = self.session.client
        return create(service, endpoint_url=self.endpoint_url, config=config, **arguments)

    def rest_api_url(self, api_id: str, stage: str) -> str:
        """The base URL of an API Gateway REST API's stage, without a slash at its end."""
        return f"{self.endpoint_url}/_aws/execute-api/{api_id}/{stage}"

    @cached_property
    def harness(self) -> HarnessApi:
        return HarnessApi(self.endpoint_url)

    @cached_property
    def outbox(self) -> Outbox:
        return Outbox(self.harness)
