"""Where AWS refuses more, or less, than its published service model says: one row for each.

`MEMBERS` is about one member of one operation's input (operation None: wherever the member is), `SHAPES` about every value
of one shape.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from botocore.model import Shape


@dataclass(frozen=True, slots=True)
class Correction:
    """What holds instead of the model. None, or false: as the model says."""

    pattern: str | None = None
    minimum: int | None = None
    maximum: int | None = None
    required: bool | None = None
    without_pattern: bool = False
    without_enum: bool = False
    source: str = ""

    def __bool__(self) -> bool:
        return self != _NOTHING


_NOTHING = Correction()

_STACK_NAME = Correction(
    pattern="[a-zA-Z][-a-zA-Z0-9]*",
    maximum=128,
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html",
)
_TABLE_NAME = Correction(
    pattern="[a-zA-Z0-9_.-]+",
    minimum=3,
    maximum=255,
    source="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/"
    "HowItWorks.NamingRulesDataTypes.html#HowItWorks.NamingRules",
)

_STACK_OR_ARN = Correction(
    pattern=r"[a-zA-Z][-a-zA-Z0-9]{0,127}|arn:\b(aws|aws-us-gov|aws-cn)\b:[-a-zA-Z0-9:/._+]*",
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html",
)
_NAME_OF_STEP_FUNCTIONS = Correction(
    pattern=r'[^\s<>{}\[\]?*"#%\\^|~`$&,;:/\u0000-\u001F\u007F-\u009F\uFFFE\uFFFF]+',
    source="https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html",
)

MEMBERS: Mapping[tuple[str, str | None, str], Correction] = {
    ("cloudformation", "CreateStack", "StackName"): _STACK_NAME,
    ("cloudformation", "CreateStackSet", "StackSetName"): _STACK_NAME,
    ("cloudformation", "CreateChangeSet", "StackName"): _STACK_OR_ARN,
    # "The name or the unique stack ID": an empty one is neither.
    ("cloudformation", None, "StackName"): Correction(
        minimum=1, source="https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteStack.html"
    ),
    # The model has the type of what may be an ARN as well; a new table has a name.
    ("dynamodb", "CreateTable", "TableName"): _TABLE_NAME,
    ("ssm", "PutParameter", "Name"): Correction(
        pattern=r"[a-zA-Z0-9_.\-/]+",
        maximum=1011,
        source="https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html",
    ),
    ("stepfunctions", "CreateActivity", "name"): _NAME_OF_STEP_FUNCTIONS,
    ("stepfunctions", "CreateStateMachine", "name"): _NAME_OF_STEP_FUNCTIONS,
    ("stepfunctions", "StartExecution", "name"): _NAME_OF_STEP_FUNCTIONS,
    ("stepfunctions", "StartSyncExecution", "name"): _NAME_OF_STEP_FUNCTIONS,
}

SHAPES: Mapping[tuple[str, str], Correction] = {}

NOT_FROM_THE_MODEL: Mapping[str, str] = {
    "s3": "its model has next to no constraints, and S3 words each refusal in its own way: LocalStack's provider does",
}
"""Services whose constraints are checked by who serves them."""

MISTAKES_OF_LOCALSTACK: Mapping[tuple[str, str], str] = {
    (
        "ec2",
        "CreateInternetGateway",
    ): "its type AWS::EC2::InternetGateway tags what is \"'internet-gateway'\", with the quotes",
}
"""Calls of LocalStack 4.14.0 to itself that break a constraint; those of clients are checked."""


def correction_of(service: str, operation: str | None, member: str, shape: Shape) -> Correction:
    found = MEMBERS.get((service, operation, member)) or MEMBERS.get((service, None, member))
    return found or correction_of_shape(service, shape)


def correction_of_shape(service: str, shape: Shape) -> Correction:
    return SHAPES.get((service, shape.name), _NOTHING)
