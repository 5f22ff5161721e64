"""Edges from APIs, load balancers and distributions, from plain CloudFormation."""

from harness.topology.edges import (
    CallCondition,
    NamedCondition,
    RouteCondition,
)
from tests.unit.topology.reading import FUNCTION, edges


def test_routes_of_a_rest_api_that_is_written_out(topology):
    uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/${Work.Arn}/invocations"
    found = topology(
        shop=f"""
Resources:{FUNCTION}
  Pool: {{Type: AWS::Cognito::UserPool}}
  Api: {{Type: AWS::ApiGateway::RestApi, Properties: {{Name: api}}}}
  People:
    Type: AWS::ApiGateway::Authorizer
    Properties: {{Name: people, RestApiId: !Ref Api, Type: COGNITO_USER_POOLS, ProviderARNs: [!GetAtt Pool.Arn]}}
  Orders:
    Type: AWS::ApiGateway::Resource
    Properties: {{RestApiId: !Ref Api, ParentId: !GetAtt Api.RootResourceId, PathPart: orders}}
  Order:
    Type: AWS::ApiGateway::Resource
    Properties: {{RestApiId: !Ref Api, ParentId: !Ref Orders, PathPart: "{{id}}"}}
  Get:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Api
      ResourceId: !Ref Order
      HttpMethod: GET
      AuthorizationType: COGNITO_USER_POOLS
      AuthorizerId: !Ref People
      Integration: {{Type: AWS_PROXY, Uri: !Sub "{uri}"}}
  Root:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Api
      ResourceId: !GetAtt Api.RootResourceId
      HttpMethod: ANY
      AuthorizationType: AWS_IAM
      Integration: {{Type: AWS_PROXY, Uri: !Sub "{uri}"}}
"""
    )
    assert edges(found, "route") == [
        ("shop.Api", "shop.Work", RouteCondition("GET", "/orders/{id}", "people")),
        ("shop.Api", "shop.Work", RouteCondition("ANY", "/", "AWS_IAM")),
    ]
    assert edges(found, "authorizer") == [("shop.Api", "shop.Pool", NamedCondition("people"))]


def test_routes_of_a_websocket_api(topology):
    found = topology(
        push=f"""
Resources:{FUNCTION}
  Check: {{Type: AWS::Lambda::Function}}
  Api: {{Type: AWS::ApiGatewayV2::Api, Properties: {{ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action}}}}
  Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: AWS_PROXY
      IntegrationUri: !Sub arn:aws:apigateway:x:lambda:path/2015-03-31/functions/${{Work.Arn}}/invocations
  Authorizer:
    Type: AWS::ApiGatewayV2::Authorizer
    Properties: {{ApiId: !Ref Api, AuthorizerType: REQUEST, AuthorizerUri: !Sub "path/functions/${{Check.Arn}}/invocations"}}
  Connect:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      ApiId: !Ref Api
      RouteKey: $connect
      AuthorizationType: CUSTOM
      AuthorizerId: !Ref Authorizer
      Target: !Sub integrations/${{Integration}}
"""
    )
    assert found.node("push", "Api").kind == "websocket_api"
    assert edges(found, "route") == [("push.Api", "push.Work", RouteCondition("", "$connect", "Authorizer"))]
    assert edges(found, "authorizer") == [("push.Api", "push.Check", NamedCondition("Authorizer"))]


def test_function_that_posts_to_websocket_api_has_a_calls_edge(topology):
    found = topology(
        push="""
Resources:
  Api: {Type: AWS::ApiGatewayV2::Api, Properties: {ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.action}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyName: speak
          PolicyDocument:
            Statement:
              Effect: Allow
              Action: execute-api:ManageConnections
              Resource: !Sub arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/v1/POST/@connections/*
  Deliver:
    Type: AWS::Lambda::Function
    Properties:
      Role: !GetAtt Role.Arn
      Environment: {Variables: {CONNECTIONS_URL: !Sub "https://${Api}.execute-api.${AWS::Region}.amazonaws.com/v1"}}
"""
    )
    condition = CallCondition(("CONNECTIONS_URL",), ("execute-api:ManageConnections",))
    assert edges(found, "calls") == [("push.Deliver", "push.Api", condition)]


def test_routes_of_an_http_api_that_openapi_describes(topology):
    found = topology(
        shop=f"""
Resources:{FUNCTION}
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties:
      Body:
        openapi: 3.0.1
        paths:
          /orders:
            post:
              security: [{{token: []}}]
              x-amazon-apigateway-integration: {{type: aws_proxy, uri: !GetAtt Work.Arn}}
        components:
          securitySchemes:
            token: {{x-amazon-apigateway-authorizer: {{type: jwt, jwtConfiguration: {{issuer: "https://id.example"}}}}}}
"""
    )
    [route] = found.of_kind("route")
    assert route.condition == RouteCondition("POST", "/orders", "token")
    assert route.line == 12
    assert edges(found, "authorizer") == [("shop.Api", "https://id.example", NamedCondition("token"))]


def test_rules_of_a_load_balancer(topology):
    found = topology(
        web=f"""
Resources:{FUNCTION}
  Other: {{Type: AWS::Lambda::Function}}
  Balancer: {{Type: AWS::ElasticLoadBalancingV2::LoadBalancer}}
  Group:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: {{TargetType: lambda, Targets: [{{Id: !GetAtt Work.Arn}}]}}
  Canary:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: {{TargetType: lambda, Targets: [{{Id: !GetAtt Other.Arn}}]}}
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Balancer
      DefaultActions: [{{Type: fixed-response, FixedResponseConfig: {{StatusCode: "404"}}}}]
  Rule:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Listener
      Conditions:
        - {{Field: path-pattern, PathPatternConfig: {{Values: [/clicks, /hits]}}}}
        - {{Field: http-request-method, HttpRequestMethodConfig: {{Values: [POST]}}}}
        - {{Field: host-header, Values: [shop.example.com]}}
        - {{Field: http-header, HttpHeaderConfig: {{HttpHeaderName: x-beta, Values: [a, b]}}}}
        - {{Field: query-string, QueryStringConfig: {{Values: [{{Key: v, Value: "1"}}, {{Value: x}}]}}}}
        - {{Field: source-ip, SourceIpConfig: {{Values: [10.0.0.0/8]}}}}
      Actions:
        - Type: forward
          ForwardConfig:
            TargetGroups: [{{TargetGroupArn: !Ref Group, Weight: 9}}, {{TargetGroupArn: !Ref Canary, Weight: 1}}]
"""
    )
    also = ("host shop.example.com", "header x-beta: a or b", "query v=1 or x", "from 10.0.0.0/8")
    assert edges(found, "route") == [
        ("web.Balancer", f"web.{function}", RouteCondition("POST", path, also=also))
        for function in ("Other", "Work")
        for path in ("/clicks", "/hits")
    ]
    assert {route.via.logical_id for route in found.of_kind("route")} == {"Rule"}


def test_load_balancers_and_distributions(topology):
    found = topology(
        web=f"""
Resources:{FUNCTION}
  Site: {{Type: AWS::S3::Bucket}}
  Balancer: {{Type: AWS::ElasticLoadBalancingV2::LoadBalancer}}
  Group:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: {{TargetType: lambda, Targets: [{{Id: !GetAtt Work.Arn}}]}}
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties: {{LoadBalancerArn: !Ref Balancer, DefaultActions: [{{Type: forward, TargetGroupArn: !Ref Group}}]}}
  Distribution:
    Type: AWS::CloudFront::Distribution
    Properties:
      DistributionConfig:
        Origins: [{{Id: site, DomainName: !GetAtt Site.RegionalDomainName}}]
        DefaultCacheBehavior:
          LambdaFunctionAssociations: [{{EventType: origin-request, LambdaFunctionARN: !Ref Version}}]
  Version: {{Type: AWS::Lambda::Version, Properties: {{FunctionName: !Ref Work}}}}
"""
    )
    assert edges(found, "route") == [("web.Balancer", "web.Work", RouteCondition("ANY", "/*"))]
    assert edges(found, "viewer") == [
        ("web.Distribution", "web.Site", NamedCondition("site")),
        ("web.Distribution", "web.Work", NamedCondition("origin-request")),
    ]
