"""Compute: one row for each service."""

from harness.aws import icons
from harness.aws.model import ResourceKind, Service

SERVICES = (
    Service(
        "lambda",
        title="Lambda",
        sdk_id="Lambda",
        cloudformation=("Lambda",),
        request_member="FunctionName",
        called_by=("lambda",),
        read_call="list_functions",
        iam_actions={
            "Invoke": "InvokeFunction",
            "InvokeAsync": "InvokeFunction",
            "InvokeWithResponseStream": "InvokeFunction",
            "GetLayerVersionByArn": "GetLayerVersion",
        },
        condition_keys={"lambda:functionarn": "FunctionName", "lambda:principal": "Principal"},
        sends_source_owner=True,
        documents=("FilterCriteria",),
        document_error="InvalidParameterValueException",
        resources=(
            ResourceKind(
                ("AWS::Lambda::Function",),
                "function",
                title="Lambda function",
                arns=(r"lambda:function:(?P<name>[^:]+)",),
                name_property="FunctionName",
                colour="compute",
                icon=icons.FUNCTION,
                log_groups=("/aws/lambda/{}",),
            ),
            ResourceKind(("AWS::Lambda::Alias",), stands_for="FunctionName"),
            ResourceKind(("AWS::Lambda::EventInvokeConfig",), stands_for="FunctionName"),
            ResourceKind(("AWS::Lambda::Url",), stands_for="TargetFunctionArn"),
            ResourceKind(("AWS::Lambda::Version",), stands_for="FunctionName"),
        ),
    ),
    Service("ec2", sdk_id="EC2", read_call="describe_vpcs"),
    Service("ecr", sdk_id="ECR", read_call="describe_repositories"),
    Service("ecs", sdk_id="ECS", read_call="list_clusters"),
    Service(
        "application-autoscaling",
        sdk_id="Application Auto Scaling",
        cloudformation=("ApplicationAutoScaling",),
        read_call="describe_scalable_targets",
        read_arguments={"ServiceNamespace": "lambda"},
    ),
    Service("autoscaling-plans", sdk_id="Auto Scaling Plans", cloudformation=("AutoScalingPlans",)),
)
