"""Cognito user pools and identity pools: moto's control planes, with the semantics that moto does not have.

The rest of the emulator needs only to verify tokens:

    claims = verify_token(token, token_use="id", user_pool_arns=[arn])

which raises a `TokenError`. `iss` in the tokens is AWS's (`https://cognito-idp.<region>.amazonaws.com/<pool id>`); keys
and configuration are on the gateway's port at `/<pool id>/.well-known/`, and the hosted sign-in of a domain at
`/_aws/cognito-idp/<domain>/`. The package does not know which parts verify them, nor how Lambda functions run: triggers
are invoked over Lambda's API.
"""

from harness.emulator.cognito.verification import (
    ExpiredToken,
    ForeignToken,
    ForgedToken,
    TokenError,
    WrongTokenUse,
    verify_token,
)

__all__ = ["ExpiredToken", "ForeignToken", "ForgedToken", "TokenError", "WrongTokenUse", "verify_token"]
