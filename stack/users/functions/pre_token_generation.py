"""PreTokenGeneration: adds the claims `lumen:role` and `lumen:plan`, which show clients the user's rights.

https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-token-generation.html
"""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

FREE_PLAN = "free"

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    groups = event["request"].get("groupConfiguration") or {}
    role = "admin" if "admins" in (groups.get("groupsToOverride") or ()) else "member"
    plan = event["request"]["userAttributes"].get("custom:plan") or FREE_PLAN
    event["response"]["claimsOverrideDetails"] = {
        "claimsToAddOrOverride": {"lumen:role": role, "lumen:plan": plan},
        # Without it, Cognito suppresses the groups.
        "groupOverrideDetails": groups,
    }
    return event
