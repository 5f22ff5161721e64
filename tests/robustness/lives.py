"""What a resource of each service goes through: it is created, listed, changed, read and deleted."""

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

from tests.contract.functions import archive

ROLE = "arn:aws:iam::000000000000:role/contract"
TRUST = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]}
)
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
PASS = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
CODE = archive({"index.py": "def handler(event, context):\n    return event\n"})
TEMPLATE = json.dumps(
    {"Resources": {"P": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "1"}}}}
)
PAGES = {"PageSize": 5}
KEY_SCHEMA: dict[str, Any] = {
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}


@dataclass(frozen=True)
class Life:
    """`create` returns the resource's name in the listing; `change` and `read` get that name."""

    create: Callable[[str], str]
    listed: Callable[[], Iterable[str]]
    change: Callable[[str, str], Any]
    """Given the resource and a new value."""
    read: Callable[[str], Any]
    """The value of the last change, or what the resource had at first."""
    delete: Callable[[str], Any]


def pages(client: Any, operation: str, **parameters: Any) -> Iterable[dict[str, Any]]:
    return client.get_paginator(operation).paginate(**parameters)


def each(client: Any, operation: str, member: str, name: str | None = None, **parameters: Any) -> list[str]:
    """What a listing names, over all of its pages."""
    found = [one for page in pages(client, operation, **parameters) for one in page.get(member) or ()]
    return [one if name is None else one[name] for one in found]


def tag_of(tags: Iterable[dict[str, str]], key: str = "Key", value: str = "Value") -> str | None:
    return next((tag[value] for tag in tags if tag[key] == "v"), None)


def tables(aws: Any) -> Life:
    db = aws("dynamodb")

    def arn(name: str) -> str:
        return str(db.describe_table(TableName=name)["Table"]["TableArn"])

    def change(name: str, value: str) -> None:
        db.untag_resource(ResourceArn=arn(name), TagKeys=["v"])
        db.tag_resource(ResourceArn=arn(name), Tags=[{"Key": "v", "Value": value}])

    return Life(
        create=lambda name: db.create_table(TableName=name, **KEY_SCHEMA)["TableDescription"]["TableName"],
        listed=partial(each, db, "list_tables", "TableNames", PaginationConfig=PAGES),
        change=change,
        read=lambda name: tag_of(db.list_tags_of_resource(ResourceArn=arn(name))["Tags"]),
        delete=lambda name: db.delete_table(TableName=name),
    )


def items(aws: Any) -> Life:
    db, table = aws("dynamodb"), f"items-{uuid4().hex[:8]}"
    db.create_table(TableName=table, **KEY_SCHEMA)

    def put(name: str, value: str = "") -> str:
        db.put_item(TableName=table, Item={"id": {"S": name}, "v": {"S": value}})
        return name

    def listed() -> list[str]:
        found = pages(db, "scan", TableName=table, ConsistentRead=True, PaginationConfig=PAGES)
        return [item["id"]["S"] for page in found for item in page["Items"]]

    return Life(
        create=put,
        listed=listed,
        change=put,
        read=lambda name: db.get_item(TableName=table, Key={"id": {"S": name}})["Item"]["v"]["S"],
        delete=lambda name: db.delete_item(TableName=table, Key={"id": {"S": name}}),
    )


def buckets(aws: Any) -> Life:
    s3 = aws("s3")

    def create(name: str) -> str:
        s3.create_bucket(Bucket=name)
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": []})
        return name

    return Life(
        create=create,
        listed=lambda: [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]],
        change=lambda name, value: s3.put_bucket_tagging(
            Bucket=name, Tagging={"TagSet": [{"Key": "v", "Value": value}]}
        ),
        read=lambda name: tag_of(s3.get_bucket_tagging(Bucket=name)["TagSet"]),
        delete=lambda name: s3.delete_bucket(Bucket=name),
    )


def objects(aws: Any, *, versioned: bool = False) -> Life:
    s3, bucket = aws("s3"), f"objects-{uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    if versioned:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

    def put(name: str, value: str = "") -> str:
        s3.put_object(Bucket=bucket, Key=name, Body=value.encode())
        return name

    return Life(
        create=put,
        listed=partial(each, s3, "list_objects_v2", "Contents", "Key", Bucket=bucket, PaginationConfig=PAGES),
        change=put,
        read=lambda name: s3.get_object(Bucket=bucket, Key=name)["Body"].read().decode(),
        delete=lambda name: s3.delete_object(Bucket=bucket, Key=name),
    )


def queues(aws: Any) -> Life:
    sqs = aws("sqs")
    return Life(
        create=lambda name: sqs.create_queue(QueueName=name)["QueueUrl"],
        listed=partial(each, sqs, "list_queues", "QueueUrls", PaginationConfig=PAGES),
        change=lambda url, value: sqs.tag_queue(QueueUrl=url, Tags={"v": value}),
        read=lambda url: sqs.list_queue_tags(QueueUrl=url).get("Tags", {}).get("v"),
        delete=lambda url: sqs.delete_queue(QueueUrl=url),
    )


def topics(aws: Any) -> Life:
    sns = aws("sns")
    return Life(
        create=lambda name: sns.create_topic(Name=name)["TopicArn"],
        listed=partial(each, sns, "list_topics", "Topics", "TopicArn"),
        change=lambda arn, value: sns.set_topic_attributes(
            TopicArn=arn, AttributeName="DisplayName", AttributeValue=value
        ),
        read=lambda arn: sns.get_topic_attributes(TopicArn=arn)["Attributes"].get("DisplayName"),
        delete=lambda arn: sns.delete_topic(TopicArn=arn),
    )


def subscriptions(aws: Any) -> Life:
    sns = aws("sns")
    topic = sns.create_topic(Name=f"subscribed-{uuid4().hex[:8]}")["TopicArn"]
    queue = "arn:aws:sqs:us-east-1:000000000000:{}"

    def subscribe(name: str) -> str:
        made = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.format(name), ReturnSubscriptionArn=True)
        return str(made["SubscriptionArn"])

    return Life(
        create=subscribe,
        listed=partial(each, sns, "list_subscriptions_by_topic", "Subscriptions", "SubscriptionArn", TopicArn=topic),
        change=lambda arn, value: sns.set_subscription_attributes(
            SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue=json.dumps({"v": [value]})
        ),
        read=lambda arn: json.loads(
            sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"].get("FilterPolicy", '{"v": [null]}')
        )["v"][0],
        delete=lambda arn: sns.unsubscribe(SubscriptionArn=arn),
    )


def rules(aws: Any) -> Life:
    events, bus = aws("events"), f"bus-{uuid4().hex[:8]}"
    events.create_event_bus(Name=bus)

    def put(name: str, value: str = "") -> str:
        events.put_rule(Name=name, EventBusName=bus, EventPattern='{"source": ["x"]}', Description=value)
        events.put_targets(
            Rule=name,
            EventBusName=bus,
            Targets=[{"Id": "one", "Arn": "arn:aws:sqs:us-east-1:000000000000:nowhere"}],
        )
        return name

    def delete(name: str) -> None:
        events.remove_targets(Rule=name, EventBusName=bus, Ids=["one"])
        events.delete_rule(Name=name, EventBusName=bus)

    return Life(
        create=put,
        listed=partial(each, events, "list_rules", "Rules", "Name", EventBusName=bus, PaginationConfig=PAGES),
        change=put,
        read=lambda name: events.describe_rule(Name=name, EventBusName=bus).get("Description"),
        delete=delete,
    )


def buses(aws: Any) -> Life:
    events = aws("events")
    return Life(
        create=lambda name: str(events.create_event_bus(Name=name)["EventBusArn"]).rpartition("/")[2],
        listed=lambda: [bus["Name"] for bus in events.list_event_buses(Limit=100)["EventBuses"]],
        change=lambda name, value: events.tag_resource(
            ResourceARN=events.describe_event_bus(Name=name)["Arn"], Tags=[{"Key": "v", "Value": value}]
        ),
        read=lambda name: tag_of(
            events.list_tags_for_resource(ResourceARN=events.describe_event_bus(Name=name)["Arn"])["Tags"]
        ),
        delete=lambda name: events.delete_event_bus(Name=name),
    )


def schedules(aws: Any) -> Life:
    scheduler = aws("scheduler")
    target = {"Arn": "arn:aws:sqs:us-east-1:000000000000:nowhere", "RoleArn": ROLE}
    settings = {"FlexibleTimeWindow": {"Mode": "OFF"}, "ScheduleExpression": "rate(1 day)", "Target": target}

    def create(name: str) -> str:
        scheduler.create_schedule(Name=name, **settings)
        return name

    return Life(
        create=create,
        listed=partial(each, scheduler, "list_schedules", "Schedules", "Name", PaginationConfig=PAGES),
        change=lambda name, value: scheduler.update_schedule(Name=name, Description=value, **settings),
        read=lambda name: scheduler.get_schedule(Name=name).get("Description"),
        delete=lambda name: scheduler.delete_schedule(Name=name),
    )


def functions(aws: Any) -> Life:
    lambda_ = aws("lambda")

    def create(name: str) -> str:
        made = lambda_.create_function(
            FunctionName=name, Runtime="python3.12", Handler="index.handler", Role=ROLE, Code={"ZipFile": CODE}
        )
        return str(made["FunctionName"])

    return Life(
        create=create,
        listed=partial(each, lambda_, "list_functions", "Functions", "FunctionName", PaginationConfig=PAGES),
        change=lambda name, value: lambda_.tag_resource(
            Resource=lambda_.get_function(FunctionName=name)["Configuration"]["FunctionArn"], Tags={"v": value}
        ),
        read=lambda name: lambda_.get_function(FunctionName=name).get("Tags", {}).get("v"),
        delete=lambda name: lambda_.delete_function(FunctionName=name),
    )


def aliases_of_a_function(aws: Any) -> Life:
    lambda_, function = aws("lambda"), functions(aws).create(f"aliases-{uuid4().hex[:8]}")

    def create(name: str) -> str:
        made = lambda_.create_alias(FunctionName=function, Name=name, FunctionVersion="$LATEST")
        return str(made["Name"])

    return Life(
        create=create,
        listed=partial(each, lambda_, "list_aliases", "Aliases", "Name", FunctionName=function, PaginationConfig=PAGES),
        change=lambda name, value: lambda_.update_alias(FunctionName=function, Name=name, Description=value),
        read=lambda name: lambda_.get_alias(FunctionName=function, Name=name).get("Description"),
        delete=lambda name: lambda_.delete_alias(FunctionName=function, Name=name),
    )


def roles(aws: Any) -> Life:
    iam = aws("iam")

    def delete(name: str) -> None:
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        iam.delete_role(RoleName=name)

    def change(name: str, value: str) -> None:
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=POLICY)
        iam.update_role(RoleName=name, Description=value)

    return Life(
        create=lambda name: iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["RoleName"],
        listed=partial(each, iam, "list_roles", "Roles", "RoleName", PaginationConfig=PAGES),
        change=change,
        read=lambda name: iam.get_role(RoleName=name)["Role"].get("Description"),
        delete=delete,
    )


def users_of_iam(aws: Any) -> Life:
    iam = aws("iam")
    return Life(
        create=lambda name: iam.create_user(UserName=name)["User"]["UserName"],
        listed=partial(each, iam, "list_users", "Users", "UserName", PaginationConfig=PAGES),
        change=lambda name, value: iam.tag_user(UserName=name, Tags=[{"Key": "v", "Value": value}]),
        read=lambda name: tag_of(iam.list_user_tags(UserName=name)["Tags"]),
        delete=lambda name: iam.delete_user(UserName=name),
    )


def policies(aws: Any) -> Life:
    iam = aws("iam")
    return Life(
        create=lambda name: iam.create_policy(PolicyName=name, PolicyDocument=POLICY)["Policy"]["Arn"],
        listed=partial(each, iam, "list_policies", "Policies", "Arn", Scope="Local", PaginationConfig=PAGES),
        change=lambda arn, value: iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "v", "Value": value}]),
        read=lambda arn: tag_of(iam.list_policy_tags(PolicyArn=arn)["Tags"]),
        delete=lambda arn: iam.delete_policy(PolicyArn=arn),
    )


def parameters(aws: Any) -> Life:
    ssm, path = aws("ssm"), f"/{uuid4().hex[:8]}"

    def put(name: str, value: str = "first") -> str:
        name = name if name.startswith("/") else f"{path}/{name}"
        ssm.put_parameter(Name=name, Value=value, Type="String", Overwrite=value != "first")
        return name

    return Life(
        create=put,
        listed=partial(each, ssm, "get_parameters_by_path", "Parameters", "Name", Path=path, PaginationConfig=PAGES),
        change=put,
        read=lambda name: ssm.get_parameter(Name=name)["Parameter"]["Value"],
        delete=lambda name: ssm.delete_parameter(Name=name),
    )


def secrets(aws: Any) -> Life:
    manager = aws("secretsmanager")
    return Life(
        create=lambda name: manager.create_secret(Name=name, SecretString="first")["Name"],
        listed=partial(each, manager, "list_secrets", "SecretList", "Name", PaginationConfig=PAGES),
        change=lambda name, value: manager.put_secret_value(SecretId=name, SecretString=value),
        read=lambda name: manager.get_secret_value(SecretId=name)["SecretString"],
        delete=lambda name: manager.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True),
    )


def aliases_of_keys(aws: Any) -> Life:
    kms = aws("kms")
    keys = [kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(2)]

    def create(name: str) -> str:
        kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=keys[0])
        return f"alias/{name}"

    def change(alias: str, value: str) -> None:
        kms.update_alias(AliasName=alias, TargetKeyId=keys[1])
        kms.tag_resource(KeyId=keys[1], Tags=[{"TagKey": alias.replace("alias/", ""), "TagValue": value}])

    def read(alias: str) -> str | None:
        found = kms.list_resource_tags(KeyId=kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"])["Tags"]
        return next((tag["TagValue"] for tag in found if f"alias/{tag['TagKey']}" == alias), None)

    def delete(alias: str) -> None:
        kms.untag_resource(KeyId=keys[1], TagKeys=[alias.replace("alias/", "")])
        kms.delete_alias(AliasName=alias)

    listed = partial(each, kms, "list_aliases", "Aliases", "AliasName", PaginationConfig=PAGES)
    return Life(create=create, listed=listed, change=change, read=read, delete=delete)


def log_groups(aws: Any) -> Life:
    logs, arn = aws("logs"), "arn:aws:logs:us-east-1:000000000000:log-group:{}"

    def create(name: str) -> str:
        logs.create_log_group(logGroupName=name, tags={"v": ""})
        return name

    return Life(
        create=create,
        listed=partial(each, logs, "describe_log_groups", "logGroups", "logGroupName", PaginationConfig=PAGES),
        change=lambda name, value: logs.tag_resource(resourceArn=arn.format(name), tags={"v": value}),
        read=lambda name: logs.list_tags_for_resource(resourceArn=arn.format(name))["tags"].get("v"),
        delete=lambda name: logs.delete_log_group(logGroupName=name),
    )


def log_streams(aws: Any) -> Life:
    logs, group = aws("logs"), f"streams-{uuid4().hex[:8]}"
    logs.create_log_group(logGroupName=group)

    def create(name: str) -> str:
        logs.create_log_stream(logGroupName=group, logStreamName=name)
        return name

    def put(name: str, value: str) -> None:
        now = int(time.time() * 1000)
        logs.put_log_events(logGroupName=group, logStreamName=name, logEvents=[{"timestamp": now, "message": value}])

    def read(name: str) -> str | None:
        found = logs.get_log_events(logGroupName=group, logStreamName=name, startFromHead=True)["events"]
        return found[-1]["message"] if found else None

    return Life(
        create=create,
        listed=partial(
            each,
            logs,
            "describe_log_streams",
            "logStreams",
            "logStreamName",
            logGroupName=group,
            PaginationConfig=PAGES,
        ),
        change=put,
        read=read,
        delete=lambda name: logs.delete_log_stream(logGroupName=group, logStreamName=name),
    )


def alarms(aws: Any) -> Life:
    cloudwatch = aws("cloudwatch")

    def put(name: str, value: str = "first") -> str:
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            AlarmDescription=value,
            Namespace="stress",
            MetricName="m",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )
        return name

    return Life(
        create=put,
        listed=partial(each, cloudwatch, "describe_alarms", "MetricAlarms", "AlarmName"),
        change=put,
        read=lambda name: cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["AlarmDescription"],
        delete=lambda name: cloudwatch.delete_alarms(AlarmNames=[name]),
    )


def state_machines(aws: Any) -> Life:
    sfn = aws("stepfunctions")
    return Life(
        create=lambda name: sfn.create_state_machine(name=name, definition=PASS, roleArn=ROLE)["stateMachineArn"],
        listed=partial(each, sfn, "list_state_machines", "stateMachines", "stateMachineArn", PaginationConfig=PAGES),
        change=lambda arn, value: sfn.tag_resource(resourceArn=arn, tags=[{"key": "v", "value": value}]),
        read=lambda arn: tag_of(sfn.list_tags_for_resource(resourceArn=arn)["tags"], "key", "value"),
        delete=lambda arn: sfn.delete_state_machine(stateMachineArn=arn),
    )


def rest_apis(aws: Any) -> Life:
    gateway = aws("apigateway")
    return Life(
        create=lambda name: gateway.create_rest_api(name=name)["id"],
        listed=partial(each, gateway, "get_rest_apis", "items", "id"),
        change=lambda i, value: gateway.update_rest_api(
            restApiId=i, patchOperations=[{"op": "replace", "path": "/description", "value": value}]
        ),
        read=lambda i: gateway.get_rest_api(restApiId=i).get("description"),
        delete=lambda i: gateway.delete_rest_api(restApiId=i),
    )


def resources_of_a_rest_api(aws: Any) -> Life:
    gateway = aws("apigateway")
    api = gateway.create_rest_api(name="resources")["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    return Life(
        create=lambda name: gateway.create_resource(restApiId=api, parentId=root, pathPart=name)["id"],
        listed=partial(each, gateway, "get_resources", "items", "id", restApiId=api),
        change=lambda i, value: gateway.put_method(
            restApiId=api, resourceId=i, httpMethod="GET", authorizationType="NONE", operationName=value
        ),
        read=lambda i: (
            gateway.get_resource(restApiId=api, resourceId=i, embed=["methods"])
            .get("resourceMethods", {})
            .get("GET", {})
            .get("operationName")
        ),
        delete=lambda i: gateway.delete_resource(restApiId=api, resourceId=i),
    )


def websocket_apis(aws: Any) -> Life:
    gateway = aws("apigatewayv2")

    def create(name: str) -> str:
        made = gateway.create_api(Name=name, ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")
        return str(made["ApiId"])

    return Life(
        create=create,
        listed=partial(each, gateway, "get_apis", "Items", "ApiId", PaginationConfig=PAGES),
        change=lambda i, value: gateway.update_api(ApiId=i, Description=value),
        read=lambda i: gateway.get_api(ApiId=i).get("Description"),
        delete=lambda i: gateway.delete_api(ApiId=i),
    )


def user_pools(aws: Any) -> Life:
    idp = aws("cognito-idp")
    return Life(
        create=lambda name: idp.create_user_pool(PoolName=name)["UserPool"]["Id"],
        listed=partial(each, idp, "list_user_pools", "UserPools", "Id", PaginationConfig=PAGES),
        change=lambda i, value: idp.update_user_pool(UserPoolId=i, UserPoolTags={"v": value}),
        read=lambda i: idp.describe_user_pool(UserPoolId=i)["UserPool"].get("UserPoolTags", {}).get("v"),
        delete=lambda i: idp.delete_user_pool(UserPoolId=i),
    )


def users(aws: Any) -> Life:
    idp = aws("cognito-idp")
    pool = {"UserPoolId": idp.create_user_pool(PoolName="stress")["UserPool"]["Id"]}

    def read(name: str) -> str | None:
        found = idp.admin_get_user(Username=name, **pool)["UserAttributes"]
        return next((each["Value"] for each in found if each["Name"] == "nickname"), None)

    return Life(
        create=lambda name: idp.admin_create_user(Username=name, MessageAction="SUPPRESS", **pool)["User"]["Username"],
        listed=partial(each, idp, "list_users", "Users", "Username", PaginationConfig=PAGES, **pool),
        change=lambda name, value: idp.admin_update_user_attributes(
            Username=name, UserAttributes=[{"Name": "nickname", "Value": value}], **pool
        ),
        read=read,
        delete=lambda name: idp.admin_delete_user(Username=name, **pool),
    )


def groups(aws: Any) -> Life:
    idp = aws("cognito-idp")
    pool = {"UserPoolId": idp.create_user_pool(PoolName="stress")["UserPool"]["Id"]}
    return Life(
        create=lambda name: idp.create_group(GroupName=name, **pool)["Group"]["GroupName"],
        listed=partial(each, idp, "list_groups", "Groups", "GroupName", PaginationConfig=PAGES, **pool),
        change=lambda name, value: idp.update_group(GroupName=name, Description=value, **pool),
        read=lambda name: idp.get_group(GroupName=name, **pool)["Group"].get("Description"),
        delete=lambda name: idp.delete_group(GroupName=name, **pool),
    )


def identity_pools(aws: Any) -> Life:
    identity = aws("cognito-identity")

    def create(name: str) -> str:
        made = identity.create_identity_pool(
            IdentityPoolName=name, AllowUnauthenticatedIdentities=True, DeveloperProviderName="first"
        )
        return str(made["IdentityPoolId"])

    return Life(
        create=create,
        listed=partial(
            each,
            identity,
            "list_identity_pools",
            "IdentityPools",
            "IdentityPoolId",
            PaginationConfig=PAGES,
        ),
        change=lambda i, value: identity.update_identity_pool(
            IdentityPoolId=i,
            IdentityPoolName="changed",
            AllowUnauthenticatedIdentities=True,
            DeveloperProviderName=value,
        ),
        read=lambda i: identity.describe_identity_pool(IdentityPoolId=i).get("DeveloperProviderName"),
        delete=lambda i: identity.delete_identity_pool(IdentityPoolId=i),
    )


def streams(aws: Any) -> Life:
    kinesis = aws("kinesis")

    def create(name: str) -> str:
        kinesis.create_stream(StreamName=name, ShardCount=1)
        return name

    return Life(
        create=create,
        listed=partial(each, kinesis, "list_streams", "StreamNames", PaginationConfig=PAGES),
        change=lambda name, value: kinesis.add_tags_to_stream(StreamName=name, Tags={"v": value}),
        read=lambda name: tag_of(kinesis.list_tags_for_stream(StreamName=name)["Tags"]),
        delete=lambda name: kinesis.delete_stream(StreamName=name),
    )


def target_groups(aws: Any) -> Life:
    elb = aws("elbv2")

    def create(name: str) -> str:
        return str(elb.create_target_group(Name=name, TargetType="lambda")["TargetGroups"][0]["TargetGroupArn"])

    return Life(
        create=create,
        listed=partial(each, elb, "describe_target_groups", "TargetGroups", "TargetGroupArn"),
        change=lambda arn, value: elb.add_tags(ResourceArns=[arn], Tags=[{"Key": "v", "Value": value}]),
        read=lambda arn: tag_of(elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"]),
        delete=lambda arn: elb.delete_target_group(TargetGroupArn=arn),
    )


def mail_identities(aws: Any) -> Life:
    ses, sesv2 = aws("ses"), aws("sesv2")

    def create(name: str) -> str:
        ses.verify_email_identity(EmailAddress=f"{name}@stress.example")
        return f"{name}@stress.example"

    return Life(
        create=create,
        listed=partial(each, ses, "list_identities", "Identities"),
        change=lambda address, value: ses.set_identity_mail_from_domain(
            Identity=address, MailFromDomain=f"{value}.stress.example"
        ),
        read=lambda address: ses.get_identity_mail_from_domain_attributes(Identities=[address])[
            "MailFromDomainAttributes"
        ][address]["MailFromDomain"].partition(".")[0],
        delete=lambda address: sesv2.delete_email_identity(EmailIdentity=address),
    )


def stacks(aws: Any) -> Life:
    cloudformation = aws("cloudformation")
    pace = {"Delay": 1, "MaxAttempts": 60}

    def create(name: str) -> str:
        arn = str(cloudformation.create_stack(StackName=name, TemplateBody=TEMPLATE)["StackId"])
        cloudformation.get_waiter("stack_create_complete").wait(StackName=arn, WaiterConfig=pace)
        return arn

    def change(arn: str, value: str) -> None:
        cloudformation.update_stack(StackName=arn, TemplateBody=TEMPLATE.replace('"Value": "1"', f'"Value": "{value}"'))
        cloudformation.get_waiter("stack_update_complete").wait(StackName=arn, WaiterConfig=pace)

    def read(arn: str) -> Any:
        template = cloudformation.get_template(StackName=arn)["TemplateBody"]
        return (json.loads(template) if isinstance(template, str) else template)["Resources"]["P"]["Properties"][
            "Value"
        ]

    def delete(arn: str) -> None:
        cloudformation.delete_stack(StackName=arn)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=arn, WaiterConfig=pace)

    return Life(
        create=create,
        listed=partial(
            each, cloudformation, "list_stacks", "StackSummaries", "StackId", StackStatusFilter=["CREATE_COMPLETE"]
        ),
        change=change,
        read=read,
        delete=delete,
    )


LIVES: dict[str, Callable[[Any], Life]] = {
    "dynamodb-tables": tables,
    "dynamodb-items": items,
    "s3-buckets": buckets,
    "s3-objects": objects,
    "s3-versioned-objects": partial(objects, versioned=True),
    "sqs-queues": queues,
    "sns-topics": topics,
    "sns-subscriptions": subscriptions,
    "events-rules": rules,
    "events-buses": buses,
    "scheduler-schedules": schedules,
    "lambda-functions": functions,
    "lambda-aliases": aliases_of_a_function,
    "iam-roles": roles,
    "iam-users": users_of_iam,
    "iam-policies": policies,
    "ssm-parameters": parameters,
    "secretsmanager-secrets": secrets,
    "kms-aliases": aliases_of_keys,
    "logs-groups": log_groups,
    "logs-streams": log_streams,
    "cloudwatch-alarms": alarms,
    "stepfunctions-state-machines": state_machines,
    "apigateway-rest-apis": rest_apis,
    "apigateway-resources": resources_of_a_rest_api,
    "apigatewayv2-apis": websocket_apis,
    "cognito-user-pools": user_pools,
    "cognito-users": users,
    "cognito-groups": groups,
    "cognito-identity-pools": identity_pools,
    "kinesis-streams": streams,
    "elbv2-target-groups": target_groups,
    "ses-identities": mail_identities,
    "cloudformation-stacks": stacks,
}
