"""The scan that rules texts out never rules out one in which the closer looks find a secret."""

import base64
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.journal.redaction import Redactor, forms, signs
from harness.journal.redaction import text as texts
from harness.journal.redaction.structure import Structure

pytest.importorskip("re2", reason="without RE2 nothing is ruled out")

SECRET_NAMES = (
    "password", "smtp_pass", "PIN", "pin", "code", "Code", "sig", "salt", "Salt", "client_secret", "api-key", "xApiKey",
    "confirmationCode", "mfa_code", "otp", "SRP_A", "Set-Cookie", "sessionid", "PHPSESSID", "id_token", "authorization",
    "backup-code", "code_verifier", "Plaintext", "SamlResponse", "side_customer_key",
)  # fmt: skip
VALUES = (
    "hush-1-2", "493021", "", "null", "Basic YWRhOkNvcnJlY3QtaG9yc2U=", "Bearer opaque-0123456789-token",
    "eyJ" + "hbGciOiJSUzI1NiJ9." + "eyJzdWIiOiJhZGEifQ." + "c2lnbmF0dXJl", "SK" + "0123456789abcdef" * 2,
    "key-" + "0123456789abcdef" * 2, "sk-" + "a1" * 20, "sk-" + "proj-" + "a1_" * 8, "task-1", "xox" + "b-17653672481-1987",
    "postgres://app:hunter2-pw@db.example/app", "https://people.example/a@2x.png", "SG." + "a" * 20 + "." + "b" * 20,
    base64.b64encode(b"password=hush-1-2").decode(), base64.b64encode(b'{"token":"hush-1-2"}').decode(), "ähm K ſecret İ",
)  # fmt: skip
PLACES = (
    "Variables", "Environment", "Logins", "AuthParameters", "auth_parameters", "ChallengeResponses", "data", "Data", "rawData",
    "$base64", "B", "payload", "Payload", "body", "kty", "d", "k", "Name", "Value", "Type", "Key", "detail", "state",
)  # fmt: skip
names = st.sampled_from((*SECRET_NAMES, *PLACES)) | st.text(max_size=8)
values = st.sampled_from((*VALUES, "SecureString", *SECRET_NAMES)) | st.none() | st.booleans() | st.integers()
structures = st.recursive(
    values,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(names, inner, max_size=4)
        | inner.map(json.dumps)
        | inner.map(lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False))
    ),
    max_leaves=8,
)
joints = st.sampled_from(["=", ": ", '": "', "&", "<", ">", "\n", " ", ", ", "'", "://", "@", "{", '"}', "\\", "%3D"])
pieces = st.lists(st.sampled_from((*SECRET_NAMES, *VALUES, *PLACES)) | joints | st.text(max_size=6), max_size=8)


def redacted_by_closer_looks(value):
    return Structure(Redactor(b"k" * 32).marking).clean(value)


@given(st.dictionaries(names, structures, max_size=4))
@example({"isBase64Encoded": True, "body": base64.b64encode(b"password=hush-1-2").decode()})
@example({"detail": json.dumps({"data": base64.b64encode(b"password=hush-1-2").decode()})})
@example({"code": None, "html": None})
def test_json_ruled_out_has_no_secret(value):
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if signs.none_in(written):
        assert redacted_by_closer_looks(value) == value


@given(pieces.map("".join))
def test_text_ruled_out_has_no_secret(text):
    marking = Redactor(b"k" * 32).marking
    if signs.no_form_in(text):
        assert not any(form.search(text) for form in (*forms.EACH.values(), forms.IN_AN_ADDRESS))
    if signs.none_in(text):
        assert texts.named(text, marking) == text
        assert Structure(marking).text(text) == text


@pytest.mark.parametrize("name", SECRET_NAMES)
@pytest.mark.parametrize(
    "form", ['{{"{0}":"{1}"}}', "{0}={1}", "a:\n{0}: {1}", "<{0}>{1}</{0}>", '{{\\"{0}\\": \\"{1}\\"}}']
)
def test_name_of_a_secret_is_a_sign(name, form):
    assert not signs.none_in(form.format(name, "493021"))


def test_without_re2_closer_looks_find_the_same(monkeypatch):
    written = [json.dumps({name: "493021", "data": value}) for name in SECRET_NAMES for value in VALUES]
    fast = [Redactor(b"k" * 32).json(each) for each in written]
    for scan in ("_ANY", "_A_NAME", "_A_FORM"):
        monkeypatch.setattr(signs, scan, None)
    assert [Redactor(b"k" * 32).json(each) for each in written] == fast


@pytest.mark.parametrize("written", ['{"code":null,"status":200}', '{"statusCode":200}', "task-1 of disk-2", "SKU-17"])
def test_ordinary_record_is_ruled_out(written):
    assert signs.none_in(written)
