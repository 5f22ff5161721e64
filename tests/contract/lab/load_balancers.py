"""Load balancers that respond for a failing function, and functions with an invalid result."""

import httpx

from harness.engine import tracing
from tests.contract.lab.broken_stack import BrokenStack, Stack

BALANCER = """\
Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
        SubnetA:
          Type: AWS::EC2::Subnet
          Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24, AvailabilityZone: !Select [0, !GetAZs ""]}
        SubnetB:
          Type: AWS::EC2::Subnet
          Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24, AvailabilityZone: !Select [1, !GetAZs ""]}
        Web:
          Type: AWS::EC2::SecurityGroup
          Properties:
            GroupDescription: HTTP from everywhere
            VpcId: !Ref Vpc
            SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 80, ToPort: 80, CidrIp: 0.0.0.0/0}]
        Permission:
          Type: AWS::Lambda::Permission
          Properties:
            FunctionName: !GetAtt Work.Arn
            Action: lambda:InvokeFunction
            Principal: elasticloadbalancing.amazonaws.com"""
LISTENER = """\
Listener:
          Type: AWS::ElasticLoadBalancingV2::Listener
          Properties:
            LoadBalancerArn: !Ref Balancer
            Port: 80
            Protocol: HTTP
            DefaultActions: [{Type: forward, TargetGroupArn: !Ref Group}]"""
SUBNETS = "Scheme: internal, Subnets: [!Ref SubnetA, !Ref SubnetB]"
OUTPUTS = "DnsName: {Value: !GetAtt Balancer.DNSName}"


def visited(stack: Stack) -> None:
    headers: dict[str, str] = {}
    tracing.add_header(headers)
    url = stack.target.load_balancer_url(stack.output("DnsName"))
    httpx.get(f"{url}/orders", headers=headers, trust_env=False, timeout=30)


BROKEN: list[BrokenStack] = [
    BrokenStack(
        "a function behind a load balancer returns what is no answer",
        f"""
        {BALANCER}
        Balancer:
          Type: AWS::ElasticLoadBalancingV2::LoadBalancer
          Properties: {{{SUBNETS}, SecurityGroups: [!Ref Web]}}
        Work:  # <- here
          Type: AWS::Serverless::Function
          Properties:
            InlineCode: |
              def handler(event, context):
                  return {{"body": "hello"}}
        Group:
          Type: AWS::ElasticLoadBalancingV2::TargetGroup
          DependsOn: Permission
          Properties: {{TargetType: lambda, Targets: [{{Id: !GetAtt Work.Arn}}]}}
        {LISTENER}
        """,
        visited,
        "malformed-response",
        "What function Work returned is no answer for load balancer Balancer: it has no statusCode.",
        {'{"body": "hello"}': '{"statusCode": 200, "body": "hello"}'},
        outputs=OUTPUTS,
    ),
    BrokenStack(
        "a function behind a load balancer raises",
        f"""
        {BALANCER}
        Balancer:
          Type: AWS::ElasticLoadBalancingV2::LoadBalancer
          Properties: {{{SUBNETS}, SecurityGroups: [!Ref Web]}}
        Work:  # <- here
          Type: AWS::Serverless::Function
          Properties:
            InlineCode: |
              def handler(event, context):
                  return {{"statusCode": 200, "body": event["order"]}}
        Group:
          Type: AWS::ElasticLoadBalancingV2::TargetGroup
          DependsOn: Permission
          Properties: {{TargetType: lambda, Targets: [{{Id: !GetAtt Work.Arn}}]}}
        {LISTENER}
        """,
        visited,
        "handler-raised",
        "Function Work raised KeyError: 'order' (index.py, line 2).",
        {'event["order"]': 'event["path"]'},
        outputs=OUTPUTS,
    ),
    BrokenStack(
        "headers that a target group does not take",
        f"""
        {BALANCER}
        Balancer:
          Type: AWS::ElasticLoadBalancingV2::LoadBalancer
          Properties: {{{SUBNETS}, SecurityGroups: [!Ref Web]}}
        Work:
          Type: AWS::Serverless::Function
          Properties:
            InlineCode: |
              def handler(event, context):
                  return {{"statusCode": 200, "headers": {{"content-type": "text/html"}}, "body": "<p>hello"}}
        Group:
          Type: AWS::ElasticLoadBalancingV2::TargetGroup
          DependsOn: Permission
          Properties:
            TargetType: lambda
            Targets: [{{Id: !GetAtt Work.Arn}}]
            TargetGroupAttributes: [{{Key: lambda.multi_value_headers.enabled, Value: "true"}}]  # <- here
        {LISTENER}
        """,
        visited,
        "headers-ignored",
        "Load balancer Balancer left headers out of what function Work returned: its headers are not looked at, as the "
        "target group has multi-value headers enabled: it takes multiValueHeaders.",
        {'Value: "true"': 'Value: "false"'},
        lost=False,
        outputs=OUTPUTS,
    ),
    BrokenStack(
        "a target group in which nobody is registered",
        f"""
        {BALANCER}
        Balancer:
          Type: AWS::ElasticLoadBalancingV2::LoadBalancer
          Properties: {{{SUBNETS}, SecurityGroups: [!Ref Web]}}
        Work:
          Type: AWS::Serverless::Function
          Properties:
            InlineCode: |
              def handler(event, context):
                  return {{"statusCode": 200}}
        Group:  # <- here
          Type: AWS::ElasticLoadBalancingV2::TargetGroup
          DependsOn: Permission
          Properties: {{TargetType: lambda, Targets: []}}
        {LISTENER}
        """,
        visited,
        "no-target",
        "Load balancer Balancer has no target for a request: the target group Group has no registered target.",
        {"Targets: []": "Targets: [{Id: !GetAtt Work.Arn}]"},
        outputs=OUTPUTS,
    ),
    BrokenStack(
        "a load balancer whose security groups let nobody in",
        f"""
        {BALANCER}
        Closed:
          Type: AWS::EC2::SecurityGroup
          Properties:
            GroupDescription: HTTPS alone
            VpcId: !Ref Vpc
            SecurityGroupIngress: [{{IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0}}]
        Balancer:
          Type: AWS::ElasticLoadBalancingV2::LoadBalancer
          Properties:
            Scheme: internal
            Subnets: [!Ref SubnetA, !Ref SubnetB]
            SecurityGroups: [!Ref Closed]  # <- here
        Work:
          Type: AWS::Serverless::Function
          Properties:
            InlineCode: |
              def handler(event, context):
                  return {{"statusCode": 200}}
        Group:
          Type: AWS::ElasticLoadBalancingV2::TargetGroup
          DependsOn: Permission
          Properties: {{TargetType: lambda, Targets: [{{Id: !GetAtt Work.Arn}}]}}
        {LISTENER}
        """,
        visited,
        "security-group-closed",
        "Load balancer Balancer answers no request, on AWS not even with an error: no security group of the load balancer (…) "
        "lets anyone in on port 80.",
        {"[!Ref Closed]": "[!Ref Web]"},
        outputs=OUTPUTS,
    ),
    BrokenStack(
        "a request that no rule of a listener takes",
        f"""
        {BALANCER}
        Balancer:
          Type: AWS::ElasticLoadBalancingV2::LoadBalancer
          Properties: {{{SUBNETS}, SecurityGroups: [!Ref Web]}}
        Work:
          Type: AWS::Serverless::Function
          Properties:
            InlineCode: |
              def handler(event, context):
                  return {{"statusCode": 200}}
        Group:
          Type: AWS::ElasticLoadBalancingV2::TargetGroup
          DependsOn: Permission
          Properties: {{TargetType: lambda, Targets: [{{Id: !GetAtt Work.Arn}}]}}
        Listener:
          Type: AWS::ElasticLoadBalancingV2::Listener
          Properties:
            LoadBalancerArn: !Ref Balancer
            Port: 80
            Protocol: HTTP
            DefaultActions: [{{Type: fixed-response, FixedResponseConfig: {{StatusCode: "404"}}}}]
        Rule:
          Type: AWS::ElasticLoadBalancingV2::ListenerRule
          Properties:
            ListenerArn: !Ref Listener
            Priority: 1
            Conditions:  # <- here
              - {{Field: path-pattern, PathPatternConfig: {{Values: [/orders*]}}}}
              - {{Field: http-request-method, HttpRequestMethodConfig: {{Values: [POST]}}}}
            Actions: [{{Type: forward, TargetGroupArn: !Ref Group}}]
        """,
        visited,
        "no-rule-matched",
        "No rule of listener Listener takes GET /orders, so the answer is 404: rule Rule wants the method to be POST, and it "
        "is GET.",
        {"[POST]": "[POST, GET]"},
        outputs=OUTPUTS,
    ),
]
