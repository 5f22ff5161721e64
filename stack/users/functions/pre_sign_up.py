"""PreSignUp: refuses addresses of blocked mail domains.

https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-sign-up.html
"""

import os
from collections.abc import Iterable
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.typing import LambdaContext

# How long a change of the setting takes to be seen, in seconds.
MAX_AGE = 60

logger = Logger()


class BlockedMailDomainError(Exception):
    """Cognito shows the message to the user who signs up."""


def is_blocked(address: str, blocked: Iterable[str]) -> bool:
    """Whether the address belongs to one of the domains or to a subdomain of one."""
    domain = address.rpartition("@")[2].strip().rstrip(".").casefold()
    return any(
        domain == name or domain.endswith(f".{name}") for name in (b.strip().casefold() for b in blocked) if name
    )


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    setting = parameters.get_parameter(os.environ["BLOCKED_MAIL_DOMAINS_PARAMETER"], max_age=MAX_AGE)
    if is_blocked(event["request"]["userAttributes"].get("email", ""), str(setting).split(",")):
        logger.info("sign-up refused: blocked mail domain")
        raise BlockedMailDomainError("Addresses of this mail domain cannot sign up; use another address")
    return event
