"""Customer engagement: one row for each service."""

from harness.aws import icons
from harness.aws.model import ResourceKind, Service

SERVICES = (
    Service("customer-profiles", sdk_id="Customer Profiles", cloudformation=("CustomerProfiles",)),
    Service("pinpoint-email", sdk_id="Pinpoint Email", cloudformation=("PinpointEmail",)),
    Service("pinpoint-sms-voice-v2", sdk_id="Pinpoint SMS Voice V2", cloudformation=("SMSVOICE",)),
    Service(
        "ses",
        title="SES",
        sdk_id="SES",
        cloudformation=("SES",),
        main_kind="email_identity",
        called_by=("ses",),
        read_call="list_identities",
        sends_source_owner=True,
    ),
    Service(
        "sesv2",
        title="SES",
        sdk_id="SESv2",
        prefix="ses",
        read_call="get_email_identity",
        read_arguments={"EmailIdentity": "harness-probe.example"},
        validation_error="BadRequestException",
        resources=(
            ResourceKind(
                ("AWS::SES::EmailIdentity",),
                "email_identity",
                title="SES",
                arns=(r"ses:identity/(?P<name>.+)",),
                name_property="EmailIdentity",
                colour="security",
                icon=icons.EMAIL_IDENTITY,
            ),
            ResourceKind(("AWS::SES::ConfigurationSet",)),
            ResourceKind(("AWS::SES::ConfigurationSetEventDestination",)),
            ResourceKind(("AWS::SES::ContactList",)),
            ResourceKind(("AWS::SES::DedicatedIpPool",)),
        ),
    ),
)
