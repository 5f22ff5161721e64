"""Builders of pools, clients, users and trigger functions for the contract tests of Cognito."""

import contextlib
import io
import json
import textwrap
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

PASSWORD = "Right-horse-9"
FLOWS = [
    "ALLOW_USER_PASSWORD_AUTH",
    "ALLOW_USER_SRP_AUTH",
    "ALLOW_REFRESH_TOKEN_AUTH",
    "ALLOW_CUSTOM_AUTH",
    "ALLOW_ADMIN_USER_PASSWORD_AUTH",
]


@dataclass
class Pool:
    """A user pool with one app client."""

    api: Any
    engine: Any
    description: dict[str, Any]
    client: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.description["Id"])

    @property
    def arn(self) -> str:
        return str(self.description["Arn"])

    @property
    def client_id(self) -> str:
        return str(self.client["ClientId"])

    def sign_up(self, email: str | None = None, **more: Any) -> str:
        email = email or address()
        more.setdefault("Username", email)
        more.setdefault("Password", PASSWORD)
        self.api.sign_up(ClientId=self.client_id, UserAttributes=[{"Name": "email", "Value": email}], **more)
        return email

    def code(self, recipient: str) -> str:
        """The last code that went to this address."""
        messages = self.engine.harness.outbox(recipient=recipient)
        return str(messages[-1]["code"])

    def confirm(self, email: str, code: str | None = None) -> None:
        self.api.confirm_sign_up(ClientId=self.client_id, Username=email, ConfirmationCode=code or self.code(email))

    def person(self, **more: Any) -> str:
        email = self.sign_up(**more)
        self.confirm(email)
        return email

    def sign_in(self, username: str, password: str = PASSWORD, **parameters: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.api.initiate_auth(
            ClientId=self.client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": username, "PASSWORD": password, **parameters},
        )
        return answer

    def tokens(self, username: str, password: str = PASSWORD) -> dict[str, Any]:
        result: dict[str, Any] = self.sign_in(username, password)["AuthenticationResult"]
        return result

    def status(self, username: str) -> str:
        return str(self.api.admin_get_user(UserPoolId=self.id, Username=username)["UserStatus"])


def address() -> str:
    return f"{uuid.uuid4().hex}@people.example"


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


@pytest.fixture
def new_address() -> Callable[[], str]:
    return address


@pytest.fixture
def make_pool(engine, aws) -> Callable[..., Pool]:
    """`make_pool(client={...}, **CreateUserPool)`: signs in by mail address by default."""
    api = aws("cognito-idp")

    def make(client: dict[str, Any] | None = None, **config: Any) -> Pool:
        if not {"UsernameAttributes", "AliasAttributes"} & set(config):
            config["UsernameAttributes"] = ["email"]
        config.setdefault("AutoVerifiedAttributes", ["email"])
        pool = api.create_user_pool(PoolName=f"pool-{uuid.uuid4()}", **config)["UserPool"]
        settings = {"ClientName": "web", "ExplicitAuthFlows": FLOWS, **(client or {})}
        made = api.create_user_pool_client(UserPoolId=pool["Id"], **settings)["UserPoolClient"]
        return Pool(api, engine, pool, made)

    return make


@pytest.fixture
def refused() -> Callable[..., Any]:
    """`with refused("CodeMismatchException", "Invalid verification code provided, please try again."):`"""

    @contextlib.contextmanager
    def expect(code: str, message: str | None = None):
        with pytest.raises(ClientError) as refusal:
            yield refusal
        error = refusal.value.response["Error"]
        assert error["Code"] == code, error
        assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        if message is not None:
            assert error["Message"] == message

    return expect


@pytest.fixture
def make_function(aws) -> Callable[..., str]:
    """`make_function("def handler(event, context): ...")`: a Lambda function, active; returns its ARN."""

    def make(source: str, **config: Any) -> str:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as package:
            package.writestr("index.py", textwrap.dedent(source))
        name = f"trigger-{uuid.uuid4()}"
        config.setdefault("Timeout", 10)
        made = aws("lambda").create_function(
            FunctionName=name,
            Runtime="python3.11",
            Handler="index.handler",
            Role="arn:aws:iam::000000000000:role/trigger",
            Code={"ZipFile": archive.getvalue()},
            **config,
        )
        aws("lambda").get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
        return str(made["FunctionArn"])

    return make


@pytest.fixture
def permit(aws) -> Callable[[str, str], None]:
    """Let a user pool invoke a function, as `AWS::Lambda::Permission` does."""

    def add(function_arn: str, pool_arn: str) -> None:
        aws("lambda").add_permission(
            FunctionName=function_arn,
            StatementId="cognito",
            Action="lambda:InvokeFunction",
            Principal="cognito-idp.amazonaws.com",
            SourceArn=pool_arn,
        )

    return add


@pytest.fixture
def trust(aws) -> Callable[..., str]:
    """Make a role that trusts an identity pool; returns its ARN."""

    def make(identity_pool_id: str, kind: str = "authenticated") -> str:
        federated = "cognito-identity.amazonaws.com"
        document = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Federated": federated},
                    "Action": "sts:AssumeRoleWithWebIdentity",
                    "Condition": {
                        "StringEquals": {f"{federated}:aud": identity_pool_id},
                        "ForAnyValue:StringLike": {f"{federated}:amr": kind},
                    },
                }
            ],
        }
        role = aws("iam").create_role(
            RoleName=f"identity-{uuid.uuid4()}", AssumeRolePolicyDocument=json.dumps(document)
        )
        return str(role["Role"]["Arn"])

    return make
