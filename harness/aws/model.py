"""The columns of the rows in this package: facts about an AWS service and its kinds of resource."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ResourceKind:
    """A kind of resource. Without a `kind` it is no node of the topology: it connects other resources, or stands for one."""

    types: tuple[str, ...]
    """Its types in CloudFormation; an ARN of the kind means the first."""
    kind: str = ""
    """Its name in the topology: `state_machine`."""
    title: str = ""
    """Its name in diagrams: "Step Functions state machine"."""
    arns: tuple[str, ...] = ()
    """Its ARNs: the service's part, a colon, and a regular expression for the resource's part, with the group `name`
    (https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html)."""
    name_property: str = ""
    """The property with the name that the template chooses."""
    colour: str = "outside"
    """The category of its colour in AWS's own diagrams (https://aws.amazon.com/architecture/icons/)."""
    icon: str = ""
    """One of `icons`."""
    shape: str = ""
    """Its shape in a flowchart, if it is not a box: cylinder, flag, hexagon, lanes, rhombus."""
    is_detail: bool = False
    """Whether diagrams omit it unless an event passes it."""
    stands_for: str = ""
    """The property that names the resource it stands for, as a version stands for its function."""
    policy_of: str = ""
    """For a policy that is a resource: the property that names what it is attached to."""
    log_groups: tuple[str, ...] = ()
    """The log groups that the service creates for it, as a format with its name (`{}`), `{region}` and `{account}`; a name that
    ends in a slash is the prefix of several."""

    @property
    def noun(self) -> str:
        return self.kind.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Service:
    """An AWS service, by boto3's name. An empty column means that nothing of that kind is known or needed."""

    name: str
    title: str = ""
    """The display name."""
    sdk_id: str = ""
    """AWS's id of the service, which names it in the SDKs and in OpenTelemetry's `rpc.service`
    (https://docs.aws.amazon.com/sdkref/latest/guide/ss-endpoints.html)."""
    prefix: str = ""
    """The prefix of its IAM actions and ARNs, if it is not the name."""
    cloudformation: tuple[str, ...] = ()
    """The second part of its resource types: `KinesisFirehose`."""
    resources: tuple[ResourceKind, ...] = ()
    """Its kinds of resource, the most important first."""
    main_kind: str = ""
    """The kind of resource that represents the service, if it is not the first."""
    sam_events: tuple[str, ...] = ()
    """The types of SAM's events that connect to it
    (https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-eventsource.html)."""
    called_by: tuple[str, ...] = ()
    """The actions, or their prefix, whose permission shows that a function calls the service. Empty for services that functions
    can do without (traces, metrics, logs)."""
    request_member: str = ""
    """The member of a request that names the resource."""
    messaging_system: str = ""
    """OpenTelemetry's `messaging.system` (https://opentelemetry.io/docs/specs/semconv/messaging/); the values for EventBridge and
    Kinesis are not in the conventions."""
    trigger: str = ""
    """OpenTelemetry's `faas.trigger` of the functions that it invokes."""
    decider: str = ""
    """What decides in the service whether an event or a request passes."""
    read_call: str = ""
    """A call that reads little and changes nothing, by boto3's name; the resource that it requests need not exist."""
    read_arguments: Mapping[str, Any] = field(default_factory=dict)
    iam_actions: Mapping[str, str] = field(default_factory=dict)
    """IAM's names of actions, if they differ from the operations' names."""
    arn_variables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The parameters that provide a variable of the ARNs in the Service Authorization Reference, if their names differ from the
    variable's. In lower case."""
    condition_keys: Mapping[str, str] = field(default_factory=dict)
    """The service's condition keys that are a parameter, in lower case, with that parameter."""
    sends_source_owner: bool = False
    """Whether it sends `aws:SourceOwner`, which the policy of a new topic requires; S3 and EventBridge do not, so their topics
    need a policy (https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html#source-account-versus-source-owner)."""
    documents: tuple[str, ...] = ()
    """The parameters that are JSON documents or contain them."""
    document_error: str = ""
    """The error code for a malformed document."""
    validation_error: str = ""
    """The error code for an invalid parameter, if it is not the protocol's."""
    pages_by_key: bool = False
    """Whether a client may continue a listing at any key that it chooses; the key itself is the position."""

    @property
    def iam_prefix(self) -> str:
        return self.prefix or self.name
