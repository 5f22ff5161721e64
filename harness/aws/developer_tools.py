"""Developer tools: one row for each service."""

from harness.aws import icons
from harness.aws.model import ResourceKind, Service

SERVICES = (
    Service(
        "codebuild",
        sdk_id="CodeBuild",
        read_call="list_projects",
        resources=(ResourceKind(("AWS::CodeBuild::Project",), log_groups=("/aws/codebuild/{}",)),),
    ),
    Service(
        "codecommit",
        sdk_id="CodeCommit",
        cloudformation=("CodeCommit",),
        called_by=("codecommit",),
        read_call="get_repository",
        read_arguments={"repositoryName": "harness-probe"},
        sends_source_owner=True,
        resources=(
            ResourceKind(
                ("AWS::CodeCommit::Repository",),
                "repository",
                title="CodeCommit repository",
                arns=(r"codecommit:(?P<name>[^/]+)",),
                name_property="RepositoryName",
                colour="storage",
                icon=icons.REPOSITORY,
            ),
        ),
    ),
    Service("codedeploy", sdk_id="CodeDeploy", read_call="list_applications"),
    Service("codepipeline", sdk_id="CodePipeline", read_call="list_pipelines"),
    Service("codestar-connections", sdk_id="CodeStar connections", cloudformation=("CodeStarConnections",)),
    Service("codestar-notifications", sdk_id="codestar notifications", cloudformation=("CodeStarNotifications",)),
    Service("synthetics", sdk_id="synthetics", read_call="describe_canaries"),
    Service(
        "xray",
        title="X-Ray",
        sdk_id="XRay",
        read_call="get_trace_summaries",
        read_arguments={
            "StartTime": "2026-01-01T00:00:00Z",
            "EndTime": "2026-01-01T00:01:00Z",
        },
        # https://docs.aws.amazon.com/xray/latest/api/API_GetTraceSummaries.html#API_GetTraceSummaries_Errors
        validation_error="InvalidRequestException",
    ),
)
