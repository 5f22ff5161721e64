"""Networking: one row for each service."""

from harness.aws import icons
from harness.aws.model import ResourceKind, Service

SERVICES = (
    Service(
        "apigateway",
        title="API Gateway",
        sdk_id="API Gateway",
        cloudformation=("ApiGateway",),
        trigger="http",
        sam_events=("Api",),
        decider="authorizer",
        read_call="get_rest_apis",
        sends_source_owner=True,
        documents=("body", "schema", "policy", "patchOperations"),
        document_error="BadRequestException",
        validation_error="BadRequestException",
        resources=(
            ResourceKind(
                ("AWS::ApiGateway::RestApi",),
                "rest_api",
                title="REST API",
                arns=(r"execute-api:(?P<name>[^/]+)",),
                colour="network",
                icon=icons.REST_API,
                log_groups=("API-Gateway-Execution-Logs_{}/",),
            ),
            ResourceKind(("AWS::ApiGateway::Deployment",), stands_for="RestApiId"),
            ResourceKind(("AWS::ApiGateway::Resource",), stands_for="RestApiId"),
            ResourceKind(("AWS::ApiGateway::Stage",), stands_for="RestApiId"),
        ),
    ),
    Service(
        "apigatewaymanagementapi",
        title="API Gateway",
        sdk_id="ApiGatewayManagementApi",
        prefix="execute-api",
        main_kind="websocket_api",
        called_by=("execute-api:ManageConnections",),
        read_call="get_connection",
        read_arguments={"ConnectionId": "harness-probe"},
        iam_actions={
            "PostToConnection": "ManageConnections",
            "GetConnection": "ManageConnections",
            "DeleteConnection": "ManageConnections",
        },
    ),
    Service(
        "apigatewayv2",
        title="API Gateway",
        sdk_id="ApiGatewayV2",
        cloudformation=("ApiGatewayV2",),
        main_kind="websocket_api",
        trigger="http",
        sam_events=("HttpApi",),
        decider="authorizer",
        read_call="get_apis",
        documents=("Body", "Schema"),
        document_error="BadRequestException",
        validation_error="BadRequestException",
        resources=(
            ResourceKind(
                ("AWS::ApiGatewayV2::Api",),
                "http_api",
                title="HTTP API",
                arns=(r"execute-api:(?P<name>[^/]+)",),
                colour="network",
                icon=icons.HTTP_API,
                log_groups=("/aws/apigateway/{}/",),
            ),
            ResourceKind((), "websocket_api", title="WebSocket API", colour="network", icon=icons.WEBSOCKET_API),
            ResourceKind(("AWS::ApiGatewayV2::Stage",), stands_for="ApiId"),
        ),
    ),
    Service(
        "cloudfront",
        sdk_id="CloudFront",
        cloudformation=("CloudFront",),
        read_call="list_distributions",
        iam_actions={"CreateDistributionWithTags": "CreateDistribution"},
        resources=(
            ResourceKind(
                ("AWS::CloudFront::Distribution",),
                "distribution",
                title="CloudFront distribution",
                colour="network",
                icon=icons.DISTRIBUTION,
            ),
        ),
    ),
    Service(
        "elb", sdk_id="Elastic Load Balancing", prefix="elasticloadbalancing", cloudformation=("ElasticLoadBalancing",)
    ),
    Service(
        "elbv2",
        title="Application Load Balancer",
        sdk_id="Elastic Load Balancing v2",
        prefix="elasticloadbalancing",
        cloudformation=("ElasticLoadBalancingV2",),
        trigger="http",
        decider="rule",
        read_call="describe_load_balancers",
        resources=(
            ResourceKind(
                ("AWS::ElasticLoadBalancingV2::LoadBalancer",),
                "load_balancer",
                title="load balancer",
                arns=(r"elasticloadbalancing:loadbalancer/app/(?P<name>[^/]+)",),
                colour="network",
                icon=icons.LOAD_BALANCER,
            ),
            ResourceKind(
                ("AWS::ElasticLoadBalancingV2::TargetGroup",),
                arns=(r"elasticloadbalancing:targetgroup/(?P<name>[^/]+)",),
            ),
        ),
    ),
    Service("route53", sdk_id="Route 53", read_call="list_hosted_zones", validation_error="InvalidInput"),
    Service("servicediscovery", sdk_id="ServiceDiscovery", read_call="list_namespaces"),
    Service("vpc-lattice", sdk_id="VPC Lattice", cloudformation=("VpcLattice",)),
    Service("network-firewall", sdk_id="Network Firewall", cloudformation=("NetworkFirewall",)),
)
