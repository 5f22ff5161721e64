"""Attaching to an address: what is distinguished before any change there."""

import json
import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.engine.endpoint import EndpointEngine, checked_url
from harness.errors import EngineError
from tests.unit.engine.conftest import query_error

NOT_FOUND = (404, "text/html", "<html><head><title>404 Not Found</title></head><body>nginx</body></html>")


def identity(account_id: str):
    who = f"<Arn>arn:aws:iam::{account_id}:root</Arn><UserId>A</UserId><Account>{account_id}</Account>"
    body = f"<GetCallerIdentityResponse><GetCallerIdentityResult>{who}</GetCallerIdentityResult></GetCallerIdentityResponse>"
    return 200, "text/xml", body


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("localhost:4566", "begins with neither http:// nor https://; is http://localhost:4566 meant?"),
        ("127.0.0.1:4566", "begins with neither http:// nor https://; is http://127.0.0.1:4566 meant?"),
        ("ftp://localhost:4566", "begins with neither http:// nor https://; is http://localhost:4566 meant?"),
        ("", "begins with neither http:// nor https://"),
        ("http://", "names no host. It looks like http://localhost:4566."),
        ("http://localhost:456666", "is no address: Port out of range"),
        ("http://localhost:port", "is no address: "),
        (
            "http://localhost:4566/_localstack/health",
            "has more than scheme, host and port; is http://localhost:4566 meant?",
        ),
        ("http://localhost:4566?x=1", "has more than scheme, host and port; is http://localhost:4566 meant?"),
        ("https://sqs.eu-central-1.amazonaws.com", "is AWS itself, .*: use --engine=aws"),
        ("https://lambda.eu-central-1.api.aws", "is AWS itself"),
        ("https://sqs.cn-north-1.amazonaws.com.cn", "is AWS itself"),
    ],
)
def test_invalid_endpoint_is_refused_with_the_intended_one(tmp_path, given, said):
    with pytest.raises(EngineError, match=said):
        EndpointEngine(tmp_path, endpoint_url=given).start()
    assert list(tmp_path.iterdir()) == []


def test_a_password_in_the_address_is_not_repeated(tmp_path):
    with pytest.raises(EngineError, match="holds a user or password") as refused:
        EndpointEngine(tmp_path, endpoint_url="http://me:hunter2@localhost:4566").start()
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("http://localhost:4566/", "http://localhost:4566"),
        ("HTTP://LocalHost:4566", "http://localhost:4566"),
        ("https://emulator.example", "https://emulator.example"),
        ("http://[::1]:4566", "http://[::1]:4566"),
    ],
)
def test_an_address_is_scheme_host_and_port(given, address):
    assert checked_url(given) == address


def test_missing_endpoint_url_raises_with_the_option(tmp_path):
    with pytest.raises(EngineError, match=r"Which endpoint\? Say so with --endpoint-url"):
        EndpointEngine(tmp_path).start()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://nowhere.invalid:4566"])
def test_closed_endpoint_raises_could_not_connect(tmp_path, url):
    with pytest.raises(EngineError, match=f"Nothing answers at {url}: Could not connect"):
        EndpointEngine(tmp_path, endpoint_url=url).start()
    assert not EndpointEngine(tmp_path).is_alive()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (NOT_FOUND, r"was answered 404 by fake/1.0: <html><head><title>404 Not Found"),
        ((200, "text/html", "<!doctype html><p>Welcome"), r"was answered 200 by fake/1.0: <!doctype html><p>Welcome"),
        ((200, "application/json", '{"hello": "world"}'), r'was answered 200 by fake/1.0: {"hello": "world"}'),
        ((403, "text/plain", ""), "was answered 403 by fake/1.0: nothing more"),
        ((500, "text/plain", "oops"), "was answered 500 by fake/1.0: oops"),
    ],
)
def test_endpoint_that_is_not_aws_is_refused_with_its_response(tmp_path, serving, answer, said):
    url = serving({"*": answer})
    with pytest.raises(EngineError, match=f"{url} answers, but it does not speak AWS: sts GetCallerIdentity {said}"):
        EndpointEngine(tmp_path, endpoint_url=url).start()
    assert list(tmp_path.iterdir()) == []


def test_refused_credentials_are_reported_separately(tmp_path, serving):
    """https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html"""
    url = serving({"sts": query_error(403, "InvalidClientTokenId", "The security token is invalid.")})
    with pytest.raises(
        EngineError, match=rf"{url} does not accept our credentials: .*InvalidClientTokenId.*profile in"
    ):
        EndpointEngine(tmp_path, endpoint_url=url).start()


def test_unknown_profile_raises_with_the_command_that_lists_them(tmp_path, serving, monkeypatch):
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    with pytest.raises(EngineError, match=r"\(nobodys\) could not be found. 'aws configure list-profiles'"):
        EndpointEngine(tmp_path, endpoint_url=serving({}), profile="nobodys").start()


def test_endpoint_is_stored_until_stop(tmp_path, serving):
    url = serving({"sts": identity("123456789012"), "*": NOT_FOUND})
    engine = EndpointEngine(tmp_path, endpoint_url=f"{url}/", region="eu-west-1")
    assert engine.find() is None
    target = engine.start()
    assert (target.endpoint_url, target.account_id, target.region) == (url, "123456789012", "eu-west-1")
    assert target.deployment is not None

    later = EndpointEngine(tmp_path)
    assert later.is_alive()
    assert later.find() == later.start() == engine.start() == target
    assert later.information() == {"account": "123456789012", "region": "eu-west-1", "deployment": target.deployment}
    assert later.last_log_lines() == later.log_after(later.log_mark()) == ""

    assert later.stop()
    assert not engine.is_alive()
    assert (engine.find(), engine.information(), engine.stop()) == (None, {}, False)


def test_two_folders_have_two_deployments_on_one_target(tmp_path, serving):
    url = serving({"sts": identity("123456789012"), "*": NOT_FOUND})
    one, other = (EndpointEngine(tmp_path / name, endpoint_url=url).start() for name in ("one", "other"))
    assert one.deployment != other.deployment


def test_concurrent_starts_share_one_deployment(tmp_path, serving):
    everybody = threading.Barrier(4)

    def who(_method: str, _path: str):
        everybody.wait(30)  # all have found nothing in the folder
        return identity("123456789012")

    answers = {"sts": who, "*": NOT_FOUND}
    url = serving(answers)
    with ThreadPoolExecutor(4) as pool:
        targets = list(pool.map(lambda _: EndpointEngine(tmp_path, endpoint_url=url).start(), range(4)))
    answers["sts"] = identity("123456789012")
    assert {target.deployment for target in targets} == {EndpointEngine(tmp_path).start().deployment}


def test_start_at_another_endpoint_keeps_existing_deployment(tmp_path, serving):
    answers = {"sts": identity("123456789012"), "*": NOT_FOUND}
    first, second = serving(answers), serving(answers)
    began = EndpointEngine(tmp_path, endpoint_url=first).start()
    other = EndpointEngine(tmp_path, endpoint_url=second)
    assert not other.is_alive()
    assert not other.stop()
    with pytest.raises(EngineError, match=f"holds {began.deployment}, which was deployed at {first}. .*'harness down'"):
        other.start()
    assert EndpointEngine(tmp_path).find() == began


def test_another_account_than_the_one_deployed_to_is_not_touched(tmp_path, serving):
    answers = {"sts": identity("123456789012"), "*": NOT_FOUND}
    engine = EndpointEngine(tmp_path, endpoint_url=serving(answers))
    engine.start()
    answers["sts"] = identity("999999999999")
    with pytest.raises(EngineError, match=r"to the account 123456789012, and calls go to the account 999999999999 now"):
        engine.find()
    assert engine.is_alive()


def test_stopped_endpoint_keeps_state_until_file_is_deleted(tmp_path, serving):
    answers = {"sts": identity("123456789012"), "*": NOT_FOUND}
    engine = EndpointEngine(tmp_path, endpoint_url=serving(answers))
    began = engine.start()
    answers["sts"] = NOT_FOUND
    for ask in (engine.find, engine.start):
        with pytest.raises(EngineError) as gone:
            ask()
        assert "does not speak AWS" in str(gone.value)
        assert f"{began.deployment} was deployed there." in str(gone.value)
        assert str(tmp_path / "endpoint.json") in str(gone.value)
    assert engine.is_alive()
    (tmp_path / "endpoint.json").unlink()
    assert engine.find() is None


def test_foreign_emulator_has_no_harness_capability(tmp_path, serving):
    # S3 takes an unknown path for a bucket, and some pages are all one application.
    for page in (
        NOT_FOUND,
        (200, "text/html", "<html>"),
        (200, "application/json", "[]"),
        (200, "application/json", "{}"),
    ):
        url = serving({"sts": identity("000000000000"), "/_harness/ready": page})
        target = EndpointEngine(tmp_path / url[-5:], endpoint_url=url).start()
        assert target.capabilities == frozenset()
        assert target.callback is None


def ready(status: int = 200, **body):
    return (
        status,
        "application/json",
        json.dumps({"ready": True, "pid": 1, "capabilities": ["outbox", "reset"], **body}),
    )


def test_own_engine_elsewhere_reports_its_capabilities(tmp_path, serving):
    url = serving({"sts": identity("000000000000"), "/_harness/ready": ready()})
    target = EndpointEngine(tmp_path, endpoint_url=url).start()
    assert target.capabilities == {"outbox", "reset"}
    assert target.callback is None, "it is in a container, for all we know"


def test_own_engine_on_this_machine_has_callbacks(tmp_path, serving):
    """The server of this test is of this very process."""
    url = serving({"sts": identity("000000000000"), "/_harness/ready": ready(pid=os.getpid())})
    target = EndpointEngine(tmp_path, endpoint_url=url).start()
    assert target.capabilities == {"outbox", "reset", "callbacks"}
    assert target.reachable_from.host == "127.0.0.1"


def test_own_engine_that_is_not_ready_is_refused(tmp_path, serving):
    broken = ready(503, error="the plugin cognito-idp:default could not be loaded")
    url = serving({"sts": identity("000000000000"), "/_harness/ready": broken})
    with pytest.raises(
        EngineError, match=r"one of ours, and says that it is not whole \(503\): the plugin cognito-idp"
    ):
        EndpointEngine(tmp_path, endpoint_url=url).start()
    assert list(tmp_path.iterdir()) == []


WITHOUT_TOKEN = (200, "application/json", json.dumps({"ready": True, "engine": "serverless-harness"}))


def test_missing_token_of_own_engine_is_reported_with_its_path(tmp_path, serving, monkeypatch):
    monkeypatch.delenv("HARNESS_TOKEN", raising=False)
    url = serving({"sts": identity("000000000000"), "/_harness/ready": WITHOUT_TOKEN})
    with pytest.raises(EngineError, match=r"one of ours, and wants its token. Set HARNESS_TOKEN to .* engine\.token"):
        EndpointEngine(tmp_path, endpoint_url=url).start()
    assert list(tmp_path.iterdir()) == []


def test_wrong_token_of_own_engine_is_refused(tmp_path, serving, monkeypatch):
    monkeypatch.setenv("HARNESS_TOKEN", "that of another engine")
    refused = (401, "application/json", json.dumps({"error": "not this engine's"}))
    url = serving({"sts": identity("000000000000"), "/_harness/ready": refused})
    with pytest.raises(EngineError, match="does not take the token of HARNESS_TOKEN"):
        EndpointEngine(tmp_path, endpoint_url=url).start()


def test_a_damaged_memory_is_none(tmp_path: Path):
    (tmp_path / "endpoint.json").write_text('{"deployment": "har')
    assert EndpointEngine(tmp_path).find() is None


def test_untrusted_certificate_is_distinguished_from_closed_port(tmp_path, serving):
    url = re.sub("^http", "https", serving({}))
    with pytest.raises(EngineError, match=rf"SSL validation failed for {url}/ .*Take http:// if .*AWS_CA_BUNDLE"):
        EndpointEngine(tmp_path, endpoint_url=url).start()
