"""Push: which tokens open a connection, the topics, and the receivers of an event."""

import json
import re
import time
import uuid

import jwt
import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.unit.stack.conftest import STACK

ISSUER = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_abcdefghi"


@pytest.fixture(autouse=True)
def _settings(monkeypatch):
    settings = {
        "CONNECTIONS_TABLE": "connections",
        "CONNECTIONS_URL": "https://abcdefghij.execute-api.us-east-1.amazonaws.com/v1",
        "ISSUER": ISSUER,
        "USER_POOL_CLIENT_ID": "web",
        "USER_POOL_ID": "us-east-1_abcdefghi",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _claims(**other):
    now = int(time.time())
    claims = {"sub": "ada", "iss": ISSUER, "aud": "web", "token_use": "id", "iat": now, "exp": now + 3600, **other}
    return {name: value for name, value in claims.items() if value is not None}


def test_authorizer_reads_keys_at_the_address_of_the_issuer(function):
    assert function("push", "authorize").keys.uri == f"{ISSUER}/.well-known/jwks.json"


def test_authorizer_accepts_id_token_of_the_pool(function, key):
    token = jwt.encode(_claims(), key, "RS256")
    assert function("push", "authorize").verified(token, key.public_key())["sub"] == "ada"


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iss", "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_another00"),
        ("aud", "another"),
        ("token_use", "access"),
        ("exp", 1),
        ("iat", 2**33),
        *((name, None) for name in ("exp", "iat", "iss", "aud", "sub", "token_use")),
    ],
)
def test_every_claim_must_be_right(function, key, claim, value):
    authorize = function("push", "authorize")
    token = jwt.encode(_claims(**{claim: value}), key, "RS256")
    with pytest.raises(authorize.RefusedError, match=claim if value is None or claim == "token_use" else None):
        authorize.verified(token, key.public_key())


def test_the_signature_must_be_the_pools(function, key):
    authorize = function("push", "authorize")
    another = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with pytest.raises(authorize.RefusedError, match="Signature"):
        authorize.verified(jwt.encode(_claims(), another, "RS256"), key.public_key())


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_no_other_algorithm_will_do(function, key, algorithm):
    authorize = function("push", "authorize")
    token = jwt.encode(_claims(), None if algorithm == "none" else "a secret of the forger" * 2, algorithm)
    with pytest.raises(authorize.RefusedError):
        authorize.verified(token, key.public_key())


def test_keys_that_cannot_be_read_are_not_the_tokens_fault(function, key, monkeypatch):
    authorize = function("push", "authorize")
    monkeypatch.setattr(authorize.keys, "uri", "http://127.0.0.1:1/.well-known/jwks.json")
    with pytest.raises(jwt.PyJWKClientConnectionError):
        authorize.key_of(jwt.encode(_claims(), key, "RS256", headers={"kid": "1"}))


def test_invalid_token_is_refused(function):
    authorize = function("push", "authorize")
    with pytest.raises(authorize.RefusedError):
        authorize.key_of("nonsense")


def test_topics_are_all_where_none_are_named(function):
    assert function("push", "subscriptions").topics_of('{"action": "subscribe"}') == {"albums", "campaigns", "pictures"}


@pytest.mark.parametrize("topics", [[], "albums", ["albums", "news"], [1], [["albums"]], None, {}])
def test_topics_that_are_none_are_refused(function, topics):
    subscriptions = function("push", "subscriptions")
    with pytest.raises(subscriptions.InvalidRequestError):
        subscriptions.topics_of(json.dumps({"topics": topics}))


def test_subscribable_topics_equal_topics_of_delivered_events(function):
    assert set(function("push", "deliver").TOPICS.values()) == set(function("push", "subscriptions").TOPICS)


def test_every_event_that_a_rule_gives_has_a_topic(function):
    lines = re.findall(r"detail-type: \[(.+)\]", (STACK / "push" / "template.yaml").read_text())
    assert {name for line in lines for name in line.split(", ")} == function("push", "deliver").TOPICS.keys()


class _Table:
    """DynamoDB, one connection a page."""

    def __init__(self, connection_ids):
        self.connection_ids, self.deleted = connection_ids, []

    def query(self, **query):
        start = query.get("ExclusiveStartKey", 0)
        after = {"LastEvaluatedKey": start + 1} if start + 1 < len(self.connection_ids) else {}
        return {"Items": [{"connection_id": one} for one in self.connection_ids[start : start + 1]], **after}

    def delete_item(self, Key):  # noqa: N803 - AWS's name
        self.deleted.append(Key)


def _posting(monkeypatch, deliver, answers):
    """@connections, with an error's code for some connections; what was posted."""
    posted = []

    def post(*, ConnectionId, Data):  # noqa: N803 - AWS's names
        posted.append((ConnectionId, json.loads(Data)))
        if code := answers.get(ConnectionId):
            error = deliver.gateway.exceptions.GoneException if code == "GoneException" else ClientError
            raise error({"Error": {"Code": code}}, "PostToConnection")

    monkeypatch.setattr(deliver.gateway, "post_to_connection", post)
    return posted


def _album_created():
    data = {"user_id": "ada", "album_id": "a-1", "title": "Über uns", "revision": 1}
    detail = {"type": "AlbumCreated", "version": 1, "occurred_at": "2026-11-21T10:00:00Z", "correlation_id": "c"}
    return {"detail": {"event_id": str(uuid.uuid4()), **detail, "data": data}}


class _Context:
    function_name, memory_limit_in_mb = "deliver", 512
    invoked_function_arn, aws_request_id = "arn:aws:lambda:us-east-1:000000000000:function:deliver", "1"


def test_delivery_reaches_all_pages_and_deletes_gone_connections(function, monkeypatch):
    deliver, event = function("push", "deliver"), _album_created()
    deliver.connections = _Table(["tab", "gone", "phone"])
    posted = _posting(monkeypatch, deliver, {"gone": "GoneException"})
    deliver.handler(event, _Context())
    assert [connection for connection, _ in posted] == ["tab", "gone", "phone"]
    told = {name: event["detail"][name] for name in ("type", "event_id", "occurred_at", "data")}
    assert [message for _, message in posted] == [told] * 3
    assert deliver.connections.deleted == [{"user_id": "ada", "connection_id": "gone"}]


def test_failing_connection_is_retried_without_blocking_others(function, monkeypatch):
    deliver = function("push", "deliver")
    deliver.connections = _Table(["throttled", "phone"])
    posted = _posting(monkeypatch, deliver, {"throttled": "LimitExceededException"})
    with pytest.raises(deliver.NotDeliveredError, match=r"did not reach throttled$"):
        deliver.handler(_album_created(), _Context())
    assert [connection for connection, _ in posted] == ["throttled", "phone"]
    assert deliver.connections.deleted == []
