"""Management: one row for each service."""

from harness.aws import icons
from harness.aws.model import ResourceKind, Service

SERVICES = (
    Service(
        "cloudformation",
        sdk_id="CloudFormation",
        cloudformation=("CloudFormation",),
        read_call="list_stacks",
        documents=("StackPolicyBody",),
        document_error="ValidationError",
        validation_error="ValidationError",
        resources=(
            ResourceKind(
                ("AWS::CloudFormation::CustomResource",),
                "custom_resource",
                title="custom resource",
                colour="integration",
            ),
            ResourceKind(("AWS::CloudFormation::Stack",), "nested_stack", is_detail=True),
        ),
    ),
    Service(
        "cloudwatch",
        title="CloudWatch",
        sdk_id="CloudWatch",
        cloudformation=("CloudWatch",),
        read_call="list_metrics",
        arn_variables={"alarmname": ("AlarmName", "AlarmNames")},
        condition_keys={"cloudwatch:namespace": "Namespace"},
        sends_source_owner=True,
        validation_error="ValidationError",
        resources=(
            ResourceKind(
                ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"),
                "alarm",
                title="CloudWatch alarm",
                name_property="AlarmName",
                colour="integration",
                icon=icons.ALARM,
            ),
        ),
    ),
    Service(
        "logs",
        title="CloudWatch Logs",
        sdk_id="CloudWatch Logs",
        cloudformation=("Logs",),
        request_member="logGroupName",
        sam_events=("CloudWatchLogs",),
        read_call="describe_log_groups",
        iam_actions={"GetLogObject": "GetLogRecord"},
        documents=("policyDocument",),
        document_error="InvalidParameterException",
        validation_error="InvalidParameterException",
        resources=(
            ResourceKind(
                ("AWS::Logs::LogGroup",),
                "log_group",
                is_detail=True,
                title="CloudWatch log group",
                arns=(r"logs:log-group:(?P<name>[^:]+)",),
                name_property="LogGroupName",
                colour="integration",
                icon=icons.LOG_GROUP,
            ),
        ),
    ),
    Service(
        "resourcegroupstaggingapi",
        sdk_id="Resource Groups Tagging API",
        read_call="get_resources",
        validation_error="InvalidParameterException",
    ),
    Service(
        "resource-groups",
        sdk_id="Resource Groups",
        cloudformation=("ResourceGroups",),
        validation_error="BadRequestException",
    ),
    Service("resource-explorer-2", sdk_id="Resource Explorer 2", cloudformation=("ResourceExplorer2",)),
    Service(
        "ssm",
        title="SSM",
        sdk_id="SSM",
        cloudformation=("SSM",),
        request_member="Name",
        called_by=("ssm",),
        read_call="describe_parameters",
        condition_keys={"ssm:recursive": "Recursive", "ssm:overwrite": "Overwrite"},
        resources=(
            ResourceKind(
                ("AWS::SSM::Parameter",),
                "parameter",
                is_detail=True,
                arns=(r"ssm:parameter(?P<name>/.+)", r"ssm:parameter/(?P<name>.+)"),
                name_property="Name",
            ),
        ),
    ),
    Service("ssm-contacts", sdk_id="SSM Contacts", cloudformation=("SSMContacts",)),
    Service("ssm-incidents", sdk_id="SSM Incidents", cloudformation=("SSMIncidents",)),
    Service("license-manager", sdk_id="License Manager", cloudformation=("LicenseManager",)),
    Service("amp", sdk_id="amp", cloudformation=("APS",)),
    Service("support", sdk_id="Support", validation_error="ValidationException"),
)
