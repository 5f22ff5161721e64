"""PreTokenGeneration: tells clients by the claim `lumen:role` what a person may do.

https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-token-generation.html
"""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    groups = event["request"].get("groupConfiguration") or {}
    role = "admin" if "admins" in (groups.get("groupsToOverride") or ()) else "member"
    event["response"]["claimsOverrideDetails"] = {
        "claimsToAddOrOverride": {"lumen:role": role},
        # Left out, Cognito suppresses the groups.
        "groupOverrideDetails": groups,
    }
    return event
