"""The door's judgement as a function of data; `tests/robustness/test_door.py` asks an engine."""

import stat
from pathlib import Path

import pytest

from harness.emulator.door.judgement import Admission, Door, DoorRefusal, Request
from harness.emulator.door.names import BadHostError, Names, allowed_hosts, parse
from harness.emulator.door.pages import Sender, allowed_origins, page_of
from harness.emulator.door.places import RequestArea, place_of
from harness.emulator.door.query_credentials import calls_allowed, credentials_in
from harness.emulator.door.token import Token

SECRET = "s" * 43


def door(**settings) -> Door:
    return Door(Token(SECRET), Names(own=frozenset({"localhost"})), ports=frozenset({4566}), **settings)


@pytest.mark.parametrize(
    ("written", "name", "port"),
    [("LocalHost.:80", "localhost", 80), ("[::1]:4566", "::1", 4566), ("a_b-c", "a_b-c", None), ("x:", "x", None)],
)
def test_host_is_name_and_port(written, name, port):
    host = parse(written)
    assert (host.name, host.port) == (name, port)


@pytest.mark.parametrize(
    "written", ["", ".", "a..b", "-a", "a-.b", "a:1:2", "::1", "a/b", "a b", "ä", "[a]", "a:123456"]
)
def test_host_that_is_none_is_an_error(written):
    with pytest.raises(BadHostError):
        parse(written)


def test_name_without_a_dot_is_known_in_containers_only():
    assert Names(in_container=True).knows("localstack")
    assert Names(in_container=True).knows("6e9fd99f5854")
    assert not Names().knows("localstack")
    assert not Names(in_container=True).knows("2130706433")
    assert not Names(in_container=True).knows("evil.example")


def test_settings_allow_a_name_and_those_below():
    names = Names(allowed=allowed_hosts(["engine.test", " *.LAB.test. ", ""]))
    assert names.knows("engine.test")
    assert names.knows("a.b.lab.test")
    assert not names.knows("lab.test")
    assert not names.knows("evilengine.test")


@pytest.mark.parametrize("wrong", ["*", "null", "file://", "http://", "http://a/b", "http://*.a", "http://u@a", "a:b"])
def test_origin_that_is_none_is_refused(wrong):
    with pytest.raises(ValueError, match="is no origin; write scheme, host and port"):
        allowed_origins([wrong])


def test_any_foreign_sign_makes_a_page_foreign():
    own = [("origin", "http://own"), ("sec-fetch-site", "same-origin")]
    assert page_of(own, "http://own".__eq__, is_trustworthy=True).sender is Sender.OWN_PAGE
    for more in (("origin", "http://evil"), ("referer", "http://evil/x")):
        assert page_of([*own, more], "http://own".__eq__, is_trustworthy=True).sender is Sender.FOREIGN_PAGE


def test_browser_name_counts_where_nothing_else_is_sent():
    agent = [("user-agent", "Mozilla/5.0")]
    assert page_of(agent, bool, is_trustworthy=True).sender is Sender.PROGRAM
    assert page_of(agent, bool, is_trustworthy=False).sender is Sender.UNKNOWN_PAGE
    assert page_of([*agent, ("authorization", "AWS4")], bool, is_trustworthy=False).sender is Sender.PROGRAM


@pytest.mark.parametrize(
    "path",
    ["/_x", "//_x", "/./_x", "/%5fx", "/%255fx", "/%2f_x", "/\\_x", "/_aws/execute-apis/a", "/_AWS/execute-api/a"],
)
def test_path_with_an_underscore_is_closed_in_doubt(path):
    assert place_of("GET", "a.execute-api.localhost", path) is RequestArea.CONTROL


def test_credentials_of_another_form_allow_nothing():
    scope = ("X-Amz-Credential", "key/20261130/us-east-1/s3/aws4_request")
    signed = [scope, ("X-Amz-Algorithm", "x"), ("X-Amz-Signature", "x")]
    whole = credentials_in(signed)
    assert whole is not None
    assert calls_allowed(whole, signed) == {("s3", "*")}
    assert calls_allowed(whole, [*signed, ("action", "CreateStack")]) == set()
    for query in ([scope], [*signed, ("x-amz-credential", "key/x/x/s3/aws4_request")]):
        found = credentials_in(query)
        assert found is not None
        assert calls_allowed(found, query) == set()


def test_guessable_key_signs_nothing_for_a_page():
    headers = [
        ("host", "localhost"),
        ("origin", "https://evil.example"),
        ("authorization", "AWS4-HMAC-SHA256 Credential=test/20261130/us-east-1/execute-api/aws4_request, Signature=0"),
    ]
    request = Request("GET", "/_aws/execute-api/abc/v1", [], headers)
    assert isinstance(door(can_be_guessed=lambda _key: True).judge(request), DoorRefusal)
    assert isinstance(door(can_be_guessed=lambda _key: False).judge(request), Admission)


def test_token_is_made_once_for_its_user_only(tmp_path: Path):
    file = tmp_path / "state" / "engine.token"
    environment = {"HARNESS_TOKEN_FILE": str(file)}
    first = Token.of_environment(environment)
    secret = file.read_text()
    assert first.is_shown(secret)
    assert Token.of_environment(environment).is_shown(secret)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert secret not in repr(first)
    assert not first.is_shown("é")


def test_token_of_the_environment_is_taken_out_of_it():
    environment = {"HARNESS_TOKEN": SECRET}
    assert Token.of_environment(environment).is_shown(SECRET)
    assert environment == {}
    with pytest.raises(ValueError, match="has 3 characters"):
        Token.of_environment({"HARNESS_TOKEN": "abc"})
