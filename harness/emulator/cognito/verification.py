"""Verifies a token as a resource server does: signature, expiry, issuer and use, and nothing else.

It does not look whether the token was revoked: that is known to Cognito's own operations only, and API Gateway's
authorizers on AWS go by the signature alone
(https://docs.aws.amazon.com/cognito/latest/developerguide/token-revocation.html).
"""

import time
from collections.abc import Collection
from typing import Any, Literal

from harness.emulator.cognito.keys import unverified_claims
from harness.emulator.cognito.user_pool import all_pools

TokenUse = Literal["id", "access"]


class TokenError(Exception):
    """A token that a resource server must refuse; the message says why."""


class ForgedToken(TokenError):  # noqa: N818 - named as what it is
    """No JSON Web Token, or not signed by the pool that it names."""


class ExpiredToken(TokenError):  # noqa: N818
    """`exp` has passed."""


class ForeignToken(TokenError):  # noqa: N818
    """Issued by a user pool that is not accepted here, or that does not exist."""


class WrongTokenUse(TokenError):  # noqa: N818
    """An ID token where an access token is wanted, or the other way round."""


def verify_token(
    token: str,
    *,
    token_use: TokenUse | None = None,
    user_pool_arns: Collection[str] | None = None,
    now: float | None = None,
) -> dict[str, Any]:
    """Verify an ID or access token of a user pool and return its claims, as JSON types.

    `token` is the bare JSON Web Token, without `Bearer `. `token_use` restricts to ID or access tokens.
    `user_pool_arns` restricts the issuers (`arn:aws:cognito-idp:<region>:<account>:userpool/<pool id>`); without it
    every pool of the engine is accepted. `now` is in seconds since the epoch.

    Raises a subclass of TokenError: ForgedToken, ForeignToken, ExpiredToken, WrongTokenUse.
    https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html
    """
    issuer = unverified_claims(token).get("iss")
    if issuer is None:
        raise ForgedToken("the token is not a JSON Web Token of a user pool: it names no issuer")
    pool = next((p for p in all_pools() if p.issuer == issuer), None)
    if pool is None:
        raise ForeignToken(f"the token was issued by {issuer}, which is no user pool of this engine")
    if user_pool_arns is not None and pool.arn not in user_pool_arns:
        raise ForeignToken(f"the token was issued by {pool.arn}; accepted are {', '.join(user_pool_arns)}")
    claims = pool.state.key.claims_of(token)
    if claims is None:
        raise ForgedToken(f"the token is not signed by the user pool {pool.id} that it names")
    if claims["exp"] <= (time.time() if now is None else now):
        raise ExpiredToken(f"the token expired at {claims['exp']}")
    if token_use is not None and claims["token_use"] != token_use:
        raise WrongTokenUse(f"the token is an {claims['token_use']} token; an {token_use} token is wanted")
    return claims
