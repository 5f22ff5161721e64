"""Verifying tokens as the API's authorizers do, and what a reset takes along."""

import time

import pytest
from moto.cognitoidp.models import CognitoIdpUser, cognitoidp_backends

from harness.emulator.cognito import (
    ExpiredToken,
    ForeignToken,
    ForgedToken,
    WrongTokenUse,
    tokens,
    verify_token,
)
from harness.emulator.cognito.user_pool import all_pools


def signed_in(pool):
    user = CognitoIdpUser(pool.user_pool.id, "ada", "secret", "CONFIRMED", [])
    pool.user_pool.moto.users["ada"] = user
    return tokens.sign_in(pool.call(), user, "Authentication")


def test_a_good_token_gives_its_claims(make_pool):
    pool = make_pool()
    token = signed_in(pool)["IdToken"]
    claims = verify_token(token, token_use="id", user_pool_arns=[pool.user_pool.arn])
    assert claims["cognito:username"] == "ada"


def test_a_revoked_token_still_verifies_for_it_is_signed(make_pool):
    """https://docs.aws.amazon.com/cognito/latest/developerguide/token-revocation.html"""
    pool = make_pool()
    result = signed_in(pool)
    tokens.revoke_sign_ins(pool.user_pool, pool.user_pool.user("ada"))
    assert verify_token(result["AccessToken"], token_use="access")


def test_a_token_is_refused_with_the_reason(make_pool):
    pool, other = make_pool(), make_pool()
    token = signed_in(pool)["IdToken"]
    header, payload, _signature = token.split(".")
    with pytest.raises(ForgedToken):
        verify_token(f"{header}.{payload}.{'A' * 342}")
    with pytest.raises(ForgedToken):
        verify_token("nonsense")
    with pytest.raises(ForeignToken):
        verify_token(token, user_pool_arns=[other.user_pool.arn])
    with pytest.raises(ExpiredToken):
        verify_token(token, now=time.time() + 3601)
    with pytest.raises(WrongTokenUse):
        verify_token(token, token_use="access")


def test_account_reset_deletes_pools_keys_and_sessions(make_pool):
    pool = make_pool()
    token = signed_in(pool)["IdToken"]
    cognitoidp_backends.pop(pool.user_pool.account_id)
    assert pool.user_pool.id not in {p.id for p in all_pools()}
    with pytest.raises(ForeignToken):
        verify_token(token)
