"""Operations that still fail (500) for some valid requests, with what fails; each is a defect of LocalStack's or moto's.

Fuzzers of valid requests leave them out; what breaks a constraint or is malformed is refused for them as for all others.
"""

from collections.abc import Mapping

_PARTIQL = "moto's PartiQL parser fails on what is no statement"
_KEY = "a member that the model has as optional is read as if it were required"
_NONE = "a list that is empty or absent is iterated"

KNOWN_FAILURES: Mapping[str, Mapping[str, str]] = {
    "apigateway": {
        "CreateApiKey": _KEY,
        "GetApiKeys": "keys without a name are compared",
        "ImportApiKeys": "the file is read as JSON",
        "UpdateAccount": _KEY,
        "UpdateApiKey": _NONE,
        "UpdateMethodResponse": _NONE,
        "UpdateUsagePlan": _NONE,
    },
    "cloudformation": {
        "CreateChangeSet": "a TemplateURL without a bucket",
        "DeleteStackInstances": _KEY,
        "DescribeStackResources": "neither a stack nor a resource is named",
        "UpdateStack": "a TemplateURL without a bucket",
    },
    "cloudwatch": {"GetMetricData": _KEY, "PutMetricData": _NONE},
    "dynamodb": {
        "BatchExecuteStatement": _PARTIQL,
        "ExecuteStatement": _PARTIQL,
        "ExecuteTransaction": _PARTIQL,
        "ExportTableToPointInTime": _KEY,
        "ListExports": _KEY,
        "TransactWriteItems": "an entry without an operation",
    },
    "elbv2": {"SetRulePriorities": _KEY, "SetSubnets": "an empty ARN"},
    "iam": {"SimulatePrincipalPolicy": _NONE},
    "lambda": {"DeleteFunctionConcurrency": "a function that is not there", "PublishLayerVersion": _KEY},
    "logs": {"PutDeliveryDestination": "one that exists, with tags", "StartQuery": _NONE},
    "scheduler": {"UntagResource": _NONE},
    "secretsmanager": {"ReplicateSecretToRegions": _KEY, "ValidateResourcePolicy": _KEY},
    "ses": {"SetIdentityNotificationTopic": _KEY},
    "sesv2": {"SendEmail": "a content without a kind", "UntagResource": _KEY},
    "ssm": {
        "GetCommandInvocation": "its errors are XML",
        "GetPatchBaselineForPatchGroup": "a group that is not there",
        "ListCommands": "its errors are XML",
        "SendCommand": _KEY,
    },
    "stepfunctions": {"ListExecutions": "no state machine is named"},
}
"""By service and operation."""
