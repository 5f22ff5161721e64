"""Roles of a few rights, and clients that have no other."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from harness.engine import Target

ANYONE = {"AWS": "*"}


@pytest.fixture(autouse=True)
def _enforced(engine: Target) -> None:
    engine.require("iam")
    mode = engine.harness.get("/iam")["mode"]
    if mode != "enforce":
        pytest.skip(f"the engine runs with HARNESS_IAM={mode}: nothing is refused")


def name() -> str:
    return f"access-{uuid4().hex[:12]}"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **s} for s in statements]})


def allow(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    return {"Action": action, "Resource": resource, **more}


def deny(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def refused(call: Callable[..., Any], **parameters: Any) -> tuple[str, int, str]:
    """Code, status and message of the refusal of a call."""
    with pytest.raises(ClientError) as error:
        call(**parameters)
    answer = error.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]


@dataclass
class Role:
    """An IAM role, and what assumes it."""

    engine: Target
    name: str
    arn: str

    def may(self, *statements: dict[str, Any]) -> "Role":
        """Give it these statements, as the one inline policy that it has."""
        self.engine.client("iam").put_role_policy(
            RoleName=self.name, PolicyName="rights", PolicyDocument=document(*statements)
        )
        return self

    @property
    def session_arn(self) -> str:
        account = self.arn.split(":")[4]
        return f"arn:aws:sts::{account}:assumed-role/{self.name}/tester"

    def client(self, service: str, signature_version: str | None = None, **session: Any) -> Any:
        """A client that has assumed the role; `session` are further parameters of AssumeRole."""
        answer = self.engine.client("sts").assume_role(RoleArn=self.arn, RoleSessionName="tester", **session)
        config = Config(signature_version=signature_version) if signature_version else Config()
        return client_of(self.engine, service, answer["Credentials"], config=config)


def client_of(engine: Target, service: str, credentials: dict[str, str], **options: Any) -> Any:
    return engine.client(
        service,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials.get("SessionToken"),
        **options,
    )


@dataclass
class Roles:
    engine: Target
    made: list[str] = field(default_factory=list)

    def __call__(self, *statements: dict[str, Any], trusts: Any = ANYONE, **options: Any) -> Role:
        role = name()
        trust = {"Effect": "Allow", "Principal": trusts, "Action": "sts:AssumeRole"}
        answer = self.engine.client("iam").create_role(
            RoleName=role,
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
            **options,
        )
        self.made.append(role)
        found = Role(self.engine, role, answer["Role"]["Arn"])
        return found.may(*statements) if statements else found


@pytest.fixture
def role(engine: Target) -> Iterator[Roles]:
    """`role(allow(...), deny(...), trusts=...)`: a role with these statements."""
    roles = Roles(engine)
    yield roles
    iam = engine.client("iam")
    for made in roles.made:
        for policy in iam.list_role_policies(RoleName=made)["PolicyNames"]:
            iam.delete_role_policy(RoleName=made, PolicyName=policy)
        iam.delete_role(RoleName=made)


@dataclass(frozen=True)
class Queue:
    client: Any
    url: str
    arn: str

    def let_in(self, principal: Any, **more: Any) -> None:
        statement = {"Principal": principal, "Action": "sqs:SendMessage", "Resource": self.arn, **more}
        self.client.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": document(statement)})

    def receive(self, seconds: int = 20) -> dict[str, Any]:
        """The next message, with its attributes."""
        answer = self.client.receive_message(QueueUrl=self.url, WaitTimeSeconds=seconds, MessageAttributeNames=["All"])
        assert answer.get("Messages"), f"no message came to {self.url} within {seconds} seconds"
        message: dict[str, Any] = answer["Messages"][0]
        return message

    def take(self) -> dict[str, Any]:
        """The next message, out of the queue."""
        message = self.receive()
        self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return message

    @property
    def is_empty(self) -> bool:
        attributes = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])["Attributes"]
        return all(attributes[f"ApproximateNumberOfMessages{k}"] == "0" for k in ("", "NotVisible", "Delayed"))


@pytest.fixture
def queue(aws: Callable[[str], Any]) -> Iterator[Callable[[], Queue]]:
    """`queue()`: a queue without a policy."""
    client, made = aws("sqs"), []

    def make() -> Queue:
        url = client.create_queue(QueueName=name())["QueueUrl"]
        made.append(url)
        attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        return Queue(client, url, attributes["QueueArn"])

    yield make
    for url in made:
        client.delete_queue(QueueUrl=url)
