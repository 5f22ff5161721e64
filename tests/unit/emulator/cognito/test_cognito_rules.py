"""Pure parts: passwords, codes, one-time passwords, the SRP exchange, role mapping."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.emulator.cognito import codes, mfa, role_mapping, srp
from harness.emulator.cognito.codes import Purpose
from harness.emulator.cognito.delivery import masked
from harness.emulator.cognito.errors import CognitoError
from harness.emulator.cognito.passwords import check_password, temporary_password
from harness.emulator.cognito.user_pool import UserState

STRICT = {
    "MinimumLength": 8,
    "RequireLowercase": True,
    "RequireUppercase": True,
    "RequireNumbers": True,
    "RequireSymbols": True,
}


@pytest.mark.parametrize(
    ("password", "missing"),
    [
        ("Ab1!", "Password not long enough"),
        ("ABCDEFG1!", "Password must have lowercase characters"),
        ("abcdefg1!", "Password must have uppercase characters"),
        ("Abcdefgh!", "Password must have numeric characters"),
        ("Abcdefgh1", "Password must have symbol characters"),
    ],
)
def test_weak_password_is_refused_with_the_missing_rule(password, missing):
    with pytest.raises(CognitoError) as refusal:
        check_password(password, STRICT)
    assert refusal.value.code == "InvalidPasswordException"
    assert refusal.value.message == f"Password did not conform with policy: {missing}"


@given(st.integers(min_value=6, max_value=99))
def test_temporary_password_satisfies_the_strictest_policy(minimum):
    policy = {**STRICT, "MinimumLength": minimum}
    check_password(temporary_password(policy), policy)


def test_a_code_is_good_once_and_for_its_time():
    user = UserState()
    value = codes.issue(user, Purpose.RESET, "email", now=1000).value
    with pytest.raises(CognitoError, match="request a code again") as refusal:
        codes.check(user, Purpose.RESET, value, now=1000 + 3600)
    assert refusal.value.code == "ExpiredCodeException"
    codes.check(user, Purpose.RESET, value, now=1000 + 3599)
    with pytest.raises(CognitoError) as refusal:
        codes.check(user, Purpose.RESET, value, now=1000)
    assert refusal.value.code == "ExpiredCodeException"


def test_right_code_is_refused_for_an_hour_after_five_wrong_ones():
    user = UserState()
    value = codes.issue(user, Purpose.SIGN_UP, "email", now=0).value
    wrong = f"{(int(value) + 1) % 1_000_000:06d}"
    for _ in range(5):
        with pytest.raises(CognitoError) as refusal:
            codes.check(user, Purpose.SIGN_UP, wrong, now=10)
        assert refusal.value.code == "CodeMismatchException"
    with pytest.raises(CognitoError) as refusal:
        codes.check(user, Purpose.SIGN_UP, value, now=11)
    assert refusal.value.code == "LimitExceededException"
    codes.check(user, Purpose.SIGN_UP, value, now=3611)


def test_totp_codes_match_rfc_6238():
    # https://www.rfc-editor.org/rfc/rfc6238#appendix-B, SHA-1, the last six of eight digits.
    secret = base64.b32encode(b"12345678901234567890").decode()
    known = {59: "287082", 1111111109: "081804", 1234567890: "005924", 20000000000: "353130"}
    assert {at: mfa.one_time_password(secret, at // 30) for at in known} == known


@pytest.mark.parametrize(("address", "shown"), [("ada@example.com", "a***@e***"), ("+12065550100", "+*******0100")])
def test_an_address_is_masked_as_cognito_does(address, shown):
    assert masked(address) == shown


def answer(challenge, small_a, pool_name, user_id, password, timestamp):
    """The client's side, written from the protocol and not from the server's code."""

    def number(data):
        return int(hashlib.sha256(data).hexdigest(), 16)

    def padded(value):
        digits = f"{value:x}"
        digits = digits if len(digits) % 2 == 0 else "0" + digits
        return bytes.fromhex("00" + digits if digits[0] in "89abcdef" else digits)

    parameters = challenge.to_parameters()
    large_b, salt = int(parameters["SRP_B"], 16), int(parameters["SALT"], 16)
    large_a = pow(2, small_a, srp.N)
    inner = hashlib.sha256(f"{pool_name}{user_id}:{password}".encode()).digest()
    x = number(padded(salt) + inner)
    u = number(padded(large_a) + padded(large_b))
    k = number(padded(srp.N) + padded(2))
    shared = pow(large_b - k * pow(2, x, srp.N), small_a + u * x, srp.N)
    block = base64.b64decode(parameters["SECRET_BLOCK"])

    prk = hmac.new(padded(u), padded(shared), hashlib.sha256).digest()
    key = hmac.new(prk, b"Caldera Derived Key\x01", hashlib.sha256).digest()[:16]
    signed = pool_name.encode() + user_id.encode() + block + timestamp.encode()
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


@settings(max_examples=25, deadline=None)
@given(
    st.integers(min_value=2**200, max_value=2**256),
    st.text(min_size=1),
    st.text(min_size=1),
    st.integers(min_value=0, max_value=2**128 - 1),
)
def test_srp_accepts_the_password_and_no_other(small_a, password, tried, salt):
    made = srp.challenge("abc", "user", password, pow(2, small_a, srp.N), salt)
    time = "Sat Nov 21 08:00:00 UTC 2026"
    claimed = answer(made, small_a, "abc", "user", tried, time)
    assert srp.verifies(made, "abc", "user", time, claimed) is (tried == password)


@pytest.mark.parametrize("multiple", [0, 1, 2])
def test_srp_refuses_a_first_message_that_needs_no_password(multiple):
    with pytest.raises(ValueError, match="multiple of N"):
        srp.challenge("abc", "user", "secret", multiple * srp.N, 1)


ROLES = {"authenticated": "arn:default", "unauthenticated": "arn:guest"}
TOKEN = {"p:client": {"Type": "Token", "AmbiguousRoleResolution": "Deny"}}
RULES = {
    "p:client": {
        "Type": "Rules",
        "AmbiguousRoleResolution": "AuthenticatedRole",
        "RulesConfiguration": {
            "Rules": [
                {"Claim": "cognito:groups", "MatchType": "Contains", "Value": "admins", "RoleARN": "arn:admin"},
                {"Claim": "email", "MatchType": "StartsWith", "Value": "ops@", "RoleARN": "arn:ops"},
            ]
        },
    }
}


@pytest.mark.parametrize(
    ("mappings", "claims", "role"),
    [
        ({}, {}, "arn:default"),
        (TOKEN, {"cognito:preferred_role": "arn:a", "cognito:roles": ["arn:a", "arn:b"]}, "arn:a"),
        (TOKEN, {"cognito:roles": ["arn:b"]}, "arn:b"),
        (RULES, {"cognito:groups": ["admins"], "email": "ops@x"}, "arn:admin"),
        (RULES, {"email": "ops@x"}, "arn:ops"),
        (RULES, {"email": "x@x"}, "arn:default"),
    ],
)
def test_a_role_is_mapped_by_token_or_by_rules(mappings, claims, role):
    assert role_mapping.role_for(ROLES, mappings, [("p", {"aud": "client", **claims})]) == role


def test_an_ambiguous_role_is_denied_where_the_mapping_says_so():
    claims = {"aud": "client", "cognito:roles": ["arn:a", "arn:b"]}
    with pytest.raises(CognitoError) as refusal:
        role_mapping.role_for(ROLES, TOKEN, [("p", claims)])
    assert refusal.value.code == "NotAuthorizedException"
