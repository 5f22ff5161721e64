"""What is known of an AWS service, and of the kinds of resource that it has: the columns of the rows in this package."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ResourceKind:
    """A kind of resource. Without a `kind` it is no node of the topology: it wires others together, or stands for one."""

    types: tuple[str, ...]
    """Its types in CloudFormation; an ARN of the kind means the first."""
    kind: str = ""
    """What it is called in the topology: `state_machine`."""
    title: str = ""
    """What it is called in pictures: "Step Functions state machine"."""
    arns: tuple[str, ...] = ()
    """Its ARNs: the service's part, a colon, and a regular expression for the resource's part, with the group `name`
    (https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html)."""
    name_property: str = ""
    """The property that gives it a name chosen by the template."""
    colour: str = "outside"
    """The category of its colour in AWS's own diagrams (https://aws.amazon.com/architecture/icons/)."""
    icon: str = ""
    """One of `icons`."""
    shape: str = ""
    """How a flowchart draws it, where not as a box: cylinder, flag, hexagon, lanes, rhombus."""
    is_detail: bool = False
    """Whether pictures leave it out unless an event passes it."""
    stands_for: str = ""
    """The property that names the resource which it stands for, as a version stands for its function."""
    policy_of: str = ""
    """Of a policy that is a resource: the property that names what it is attached to."""
    log_groups: tuple[str, ...] = ()
    """The log groups that the service makes for it, as a format with its name (`{}`), `{region}` and `{account}`; a name that
    ends in a slash is the beginning of several."""

    @property
    def noun(self) -> str:
        return self.kind.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Service:
    """An AWS service, by boto3's name. Where a column is empty, nothing of that sort is known or needed."""

    name: str
    title: str = ""
    """How people call it."""
    sdk_id: str = ""
    """AWS's id of the service, from which the SDKs and OpenTelemetry's `rpc.service` take its name
    (https://docs.aws.amazon.com/sdkref/latest/guide/ss-endpoints.html)."""
    prefix: str = ""
    """What IAM's actions and ARNs begin with, where it is not the name."""
    cloudformation: tuple[str, ...] = ()
    """The second part of its resource types: `KinesisFirehose`."""
    resources: tuple[ResourceKind, ...] = ()
    """What the service is mostly about comes first."""
    main_kind: str = ""
    """The kind of resource that stands for the service, where it is not the first of its own."""
    sam_events: tuple[str, ...] = ()
    """The types of SAM's events that connect to it
    (https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-eventsource.html)."""
    called_by: tuple[str, ...] = ()
    """The actions, or their prefix, whose permission says that a function calls the service. Empty for what functions do
    without (traces, metrics, logs)."""
    request_member: str = ""
    """The member of a request that names the resource."""
    messaging_system: str = ""
    """OpenTelemetry's `messaging.system` (https://opentelemetry.io/docs/specs/semconv/messaging/); those of EventBridge and
    Kinesis are not in the conventions."""
    trigger: str = ""
    """OpenTelemetry's `faas.trigger` of the functions that it invokes."""
    decider: str = ""
    """What decides in the service whether an event or a request passes."""
    read_call: str = ""
    """A call that reads little and changes nothing, as boto3 names it; what it asks for need not exist."""
    read_arguments: Mapping[str, Any] = field(default_factory=dict)
    iam_actions: Mapping[str, str] = field(default_factory=dict)
    """IAM's names of actions, where they are not the operations'."""
    arn_variables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The parameters that give a variable of the ARNs in the Service Authorization Reference, where they are not named as it
    is. In lower case."""
    condition_keys: Mapping[str, str] = field(default_factory=dict)
    """The service's condition keys that are a parameter, in lower case, and that parameter."""
    sends_source_owner: bool = False
    """Whether it sends `aws:SourceOwner`, which the policy of a new topic asks for; S3 and EventBridge do not, so their topics
    need a policy (https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html#source-account-versus-source-owner)."""
    documents: tuple[str, ...] = ()
    """The parameters that are JSON documents or hold such."""
    document_error: str = ""
    """The code with which it refuses a broken document."""
    validation_error: str = ""
    """The code with which it refuses a parameter, where it is not that of its protocol."""
    pages_by_key: bool = False
    """Whether a client may go on with a listing at a key of its choice, which says where."""

    @property
    def iam_prefix(self) -> str:
        return self.prefix or self.name
