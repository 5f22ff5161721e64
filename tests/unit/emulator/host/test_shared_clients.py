"""Clients of different callers share what is dear, and sign with their own credentials."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.awsrequest import AWSResponse
from botocore.client import BaseClient
from botocore.config import Config
from botocore.session import Session

from harness.emulator.host.shared_clients import CredentialsOfCall, _written, signing

ANSWER = b'{"TableNames": ["one"], "LastEvaluatedTableName": "one"}'


@pytest.fixture
def sent():
    """The access keys that requests were signed with, in their order."""
    return []


@pytest.fixture
def client(sent):
    made = Session().create_client(
        "dynamodb",
        "us-east-1",
        endpoint_url="http://127.0.0.1:1",
        aws_access_key_id="shared",
        aws_secret_access_key="s",
    )
    made._request_signer._credentials = CredentialsOfCall()

    def answer(request, **_options):
        header = request.headers["Authorization"]
        sent.append(re.search(r"Credential=([^/]+)/", header.decode() if isinstance(header, bytes) else header)[1])
        body = b'{"TableNames": []}' if b"ExclusiveStartTableName" in request.body else ANSWER
        return AWSResponse(request.url, 200, {"Content-Type": "application/x-amz-json-1.0"}, _Body(body))

    made.meta.events.register("before-send.*.*", answer)
    return made


class _Body:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def stream(self, **_options):
        yield self.content

    def read(self, *_size):
        content, self.content = self.content, b""
        return content


def test_each_caller_signs_with_its_own_credentials(client, sent):
    ada, bob = signing(client, "ada", "a", None), signing(client, "bob", "b", "token")
    for caller in (ada, bob, ada):
        caller.list_tables()
    assert sent == ["ada", "bob", "ada"]


def test_pages_and_threads_sign_with_the_callers_credentials(client, sent):
    callers = [signing(client, f"key-{number}", "s", None) for number in range(8)]

    def pages(caller: BaseClient) -> None:
        for _ in caller.get_paginator("list_tables").paginate():
            pass

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(pages, callers))
    assert {f"key-{number}" for number in range(8)} == set(sent)


def test_call_within_a_call_leaves_the_outer_credentials(client, sent):
    ada, bob = signing(client, "ada", "a", None), signing(client, "bob", "b", None)
    once = []

    def call_more(**_given):
        if not once:
            once.append("called")
            bob.list_tables()

    client.meta.events.register_first("request-created.dynamodb.ListTables", call_more)
    ada.list_tables()
    assert sent == ["bob", "ada"]


def test_url_is_signed_with_the_callers_credentials(client):
    ada = signing(client, "ada", "a", "token-of-ada")
    url = ada.generate_presigned_url("list_tables")
    assert "Credential=ada%2F" in url
    assert "token-of-ada" in url


def test_clients_share_everything_but_the_signer(client):
    ada, bob = signing(client, "ada", "a", None), signing(client, "bob", "b", None)
    assert ada.meta is bob.meta is client.meta
    assert type(ada) is type(bob)
    assert isinstance(ada, type(client))
    assert ada._request_signer is not bob._request_signer


def test_equal_configurations_are_one_key():
    first = Config(retries={"total_max_attempts": 1}, read_timeout=5)
    again = Config(read_timeout=5).merge(Config(retries={"total_max_attempts": 1}))
    other = Config(read_timeout=6, retries={"total_max_attempts": 1})
    assert _written(first) == _written(again) != _written(other)
