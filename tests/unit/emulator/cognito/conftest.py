"""A user pool in moto's memory, with triggers that a test plays itself; no engine runs."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from moto.cognitoidp.models import CognitoIdpUserPoolAttribute, cognitoidp_backends

import harness.emulator.host.older_python  # noqa: F401 - lets localstack be imported on Python 3.11
from harness.emulator.cognito.triggers import UserPoolCall
from harness.emulator.cognito.user_pool import UserPool, find_users_as_we_do
from harness.emulator.controls.outbox import OUTBOX

REGION = "eu-central-1"


@dataclass
class Pool:
    """A pool with one client, and the events that its triggers got."""

    user_pool: UserPool
    client_id: str
    handlers: dict[str, Callable[[dict[str, Any]], Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)

    def invoke(self, function_arn: str, event: dict[str, Any], _pool_arn: str) -> Any:
        self.events.append(event)
        return self.handlers[function_arn](event)

    def call(self, metadata: dict[str, str] | None = None, *, admin: bool = False) -> UserPoolCall:
        client = None if admin else self.user_pool.client(self.client_id)
        return UserPoolCall(self.user_pool, self.invoke, client, metadata)

    def on(self, trigger: str, handler: Callable[[dict[str, Any]], Any], **config: Any) -> None:
        arn = f"arn:aws:lambda:{REGION}:000000000000:function:{trigger}"
        self.handlers[arn] = handler
        self.user_pool.config.setdefault("LambdaConfig", {})[config.pop("key", trigger)] = (
            {**config, "LambdaArn": arn} if config else arn
        )

    def code(self, recipient: str) -> str:
        return str(OUTBOX.read(recipient=recipient)[-1].code)

    def event(self, source: str) -> dict[str, Any]:
        return next(e for e in reversed(self.events) if e["triggerSource"] == source)


@pytest.fixture
def make_pool() -> Iterator[Callable[..., Pool]]:
    find_users_as_we_do()
    account_id = str(uuid.uuid4().int)[:12]
    backend = cognitoidp_backends[account_id][REGION]

    def make(client: dict[str, Any] | None = None, **config: Any) -> Pool:
        config.setdefault("AutoVerifiedAttributes", ["email"])
        moto_pool = backend.create_user_pool(f"pool-{uuid.uuid4()}", config)
        standard = CognitoIdpUserPoolAttribute.STANDARD_SCHEMA
        moto_pool.schema_attributes = {
            **{n: CognitoIdpUserPoolAttribute(n, False, s) for n, s in standard.items()},
            **moto_pool.schema_attributes,
        }
        flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_CUSTOM_AUTH", "ALLOW_USER_SRP_AUTH"]
        made = backend.create_user_pool_client(
            moto_pool.id, False, {"ClientName": "web", "ExplicitAuthFlows": flows, **(client or {})}
        )
        return Pool(UserPool(moto_pool), made.id)

    yield make
    cognitoidp_backends.pop(account_id, None)
    OUTBOX.clear(account_id)
