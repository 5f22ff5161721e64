"""The policies that are attached to resources, read from the engine's stores.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html says which services have them.
"""

import json
from typing import Any

from harness.emulator.access.engine_state import account_of
from harness.emulator.access.evaluation import ResourcePolicies
from harness.emulator.access.policy import Policy, PolicyError, parse
from harness.emulator.access.services import POLICIES


def resource(arn: str, action: str) -> ResourcePolicies:
    """The resource `arn` with the policies that speak about `action` on it."""
    if not arn.startswith("arn:"):
        return ResourcePolicies(arn, None)
    prefix = arn.split(":", 3)[2]
    read = POLICIES.get(prefix)
    try:
        document = read(arn, action) if read is not None else None
    except (KeyError, ValueError, IndexError):
        document = None  # a client may ask about any ARN: the stores have no such region or account
    policies = () if document is None else (_parsed(arn, document),)
    required = prefix == "kms" or action in ("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")
    # CreateKey and the lists are about no key yet.
    return ResourcePolicies(arn, account_of(arn), policies, requires_policy=required and bool(policies))


def _parsed(arn: str, document: Any) -> Policy:
    text = document if isinstance(document, str) else json.dumps(document, default=str, sort_keys=True)
    try:
        return parse(f"policy of {arn}", text)
    except PolicyError:
        # The service accepted what IAM would not have; nothing is allowed by it.
        return Policy(f"policy of {arn}")
