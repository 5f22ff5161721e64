"""The roles that the contract tests name: what those tests are about is not what a role may do."""

import json
from typing import Any

import pytest

from harness.engine import Target

ROLES = ("any", "contract", "people", "sms", "someone", "trigger")
"""Names of `arn:aws:iam::000000000000:role/<name>` in the tests."""
EVERYONE = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


@pytest.fixture(scope="session")
def contract_roles(engine: Target) -> None:
    if not engine.is_aws:
        make_roles(engine)


def make_roles(target: Target) -> None:
    """Make them, where they are not yet, on a target that a test has to itself."""
    iam = target.client("iam")
    for name in ROLES:
        try:
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=_document(EVERYONE))
        except iam.exceptions.EntityAlreadyExistsException:
            continue
        iam.put_role_policy(RoleName=name, PolicyName="everything", PolicyDocument=_document(EVERYTHING))


def _document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture(autouse=True)
def roles_where_the_engine_is_used(request: pytest.FixtureRequest) -> None:
    if {"aws", "engine"} & set(request.fixturenames):
        request.getfixturevalue("contract_roles")
