"""Requests without optional members of a service's model: AWS's default, or its error; never a failure of the engine."""

import uuid

import httpx
import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::000000000000:role/none"


def unique(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:10]}"


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "code"),
    [
        # https://docs.aws.amazon.com/apigateway/latest/api/API_StageKey.html
        ("apigateway", "create_api_key", {"stageKeys": [{"stageName": "a"}]}, "BadRequestException"),
        # https://docs.aws.amazon.com/apigateway/latest/api/API_PatchOperation.html
        ("apigateway", "update_account", {"patchOperations": [{"op": "replace", "value": "a"}]}, "BadRequestException"),
        ("apigateway", "update_account", {"patchOperations": [{"value": "a"}]}, "BadRequestException"),
        # https://docs.aws.amazon.com/apigateway/latest/api/API_CreateRestApi.html#API_CreateRestApi_Errors
        ("apigateway", "create_rest_api", {"name": "a", "policy": "no policy"}, "BadRequestException"),
        # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html
        ("cloudformation", "describe_stack_resources", {}, "ValidationError"),
        ("cloudformation", "describe_stack_resources", {"PhysicalResourceId": "none"}, "ValidationError"),
        ("cloudformation", "delete_stack", {"StackName": ""}, "ValidationError"),
        ("cloudformation", "update_stack", {"StackName": "a", "TemplateBody": "1"}, "ValidationError"),
        (
            "cloudformation",
            "create_change_set",
            {"StackName": "a", "ChangeSetName": "a", "TemplateURL": "https://s3.amazonaws.com/"},
            "ValidationError",
        ),
        (
            "cloudformation",
            "update_stack",
            {"StackName": "a", "TemplateURL": "https://s3.amazonaws.com/"},
            "ValidationError",
        ),
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html
        (
            "cloudwatch",
            "get_metric_data",
            {"MetricDataQueries": [{"Id": "a"}], "StartTime": 1, "EndTime": 2},
            "ValidationError",
        ),
        (
            "cloudwatch",
            "get_metric_data",
            {
                "MetricDataQueries": [{"Id": "a", "MetricStat": {"Metric": {}, "Period": 60, "Stat": "Most"}}],
                "StartTime": 1,
                "EndTime": 2,
            },
            "InvalidParameterValue",
        ),
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html#API_PutMetricData_Errors
        ("cloudwatch", "put_metric_data", {"Namespace": "a"}, "MissingParameter"),
        # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItem.html
        ("dynamodb", "transact_write_items", {"TransactItems": [{}]}, "ValidationException"),
        (
            "dynamodb",
            "transact_write_items",
            {"TransactItems": [{"Put": {"TableName": "none", "Item": {}, "ConditionExpression": "}"}}]},
            "ValidationException",
        ),
        # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_SetRulePriorities.html
        ("elbv2", "set_rule_priorities", {"RulePriorities": [{"RuleArn": "a"}]}, "ValidationError"),
        ("elbv2", "set_subnets", {"LoadBalancerArn": ""}, "LoadBalancerNotFound"),
        ("lambda", "delete_function_concurrency", {"FunctionName": "none"}, "ResourceNotFoundException"),
        (
            "lambda",
            "put_provisioned_concurrency_config",
            {"FunctionName": "none", "Qualifier": "1", "ProvisionedConcurrentExecutions": 1},
            "ResourceNotFoundException",
        ),
        ("lambda", "publish_layer_version", {"LayerName": "a", "Content": {}}, "ValidationException"),
        # https://docs.aws.amazon.com/kinesis/latest/APIReference/API_StartStreamEncryption.html#API_StartStreamEncryption_Errors
        (
            "kinesis",
            "start_stream_encryption",
            {
                "StreamName": "none",
                "EncryptionType": "KMS",
                "KeyId": "arn:aws:lambda:us-east-1:000000000000:function:a",
            },
            "InvalidArgumentException",
        ),
        # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html
        ("logs", "start_query", {"startTime": 0, "endTime": 1, "queryString": "a"}, "InvalidParameterException"),
        ("logs", "put_delivery_destination", {"name": "a"}, "ValidationException"),
        (
            "logs",
            "put_delivery_destination",
            {
                "name": "a",
                "deliveryDestinationConfiguration": {"destinationResourceArn": "arn:aws:sqs:us-east-1:000000000000:a"},
            },
            "ValidationException",
        ),
        # https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_EmailContent.html
        ("sesv2", "send_email", {"Content": {}}, "BadRequestException"),
        ("sesv2", "send_email", {"Content": {"Simple": {"Subject": {"Data": "a"}, "Body": {}}}}, "BadRequestException"),
        (
            "sesv2",
            "untag_resource",
            {"ResourceArn": "arn:aws:ses:us-east-1:000000000000:identity/a", "TagKeys": []},
            "BadRequestException",
        ),
        # https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateDocument.html
        ("ssm", "create_document", {"Name": "no-object", "Content": "0"}, "InvalidDocumentContent"),
        # https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetCommandInvocation.html
        (
            "ssm",
            "get_command_invocation",
            {"CommandId": str(uuid.UUID(int=0)), "InstanceId": "i-00000000"},
            "InvalidCommandId",
        ),
        ("ssm", "list_commands", {"CommandId": str(uuid.UUID(int=0))}, "InvalidCommandId"),
        # https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html
        ("stepfunctions", "list_executions", {}, "ValidationException"),
    ],
)
def test_request_that_lacks_what_aws_needs_is_refused(aws, service, operation, arguments, code):
    with pytest.raises(ClientError) as refused:
        getattr(aws(service), operation)(**arguments)
    assert refused.value.response["Error"]["Code"] == code
    assert 400 <= refused.value.response["ResponseMetadata"]["HTTPStatusCode"] < 500


def test_instances_of_a_stack_set_are_of_accounts(aws):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteStackInstances.html"""
    cloudformation, name = aws("cloudformation"), unique("set")
    cloudformation.create_stack_set(StackSetName=name, TemplateBody='{"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}')
    try:
        with pytest.raises(ClientError, match="accounts") as refused:
            cloudformation.delete_stack_instances(StackSetName=name, Regions=["us-east-1"], RetainStacks=False)
        assert refused.value.response["Error"]["Code"] == "ValidationError"
    finally:
        cloudformation.delete_stack_set(StackSetName=name)


def test_update_without_operations_changes_nothing(aws):
    api = aws("apigateway").create_rest_api(name="unchanged")
    try:
        assert aws("apigateway").update_rest_api(restApiId=api["id"])["name"] == "unchanged"
        assert "throttleSettings" in aws("apigateway").update_account()
    finally:
        aws("apigateway").delete_rest_api(restApiId=api["id"])


def test_malformed_policy_leaves_the_listing_of_apis_whole(aws):
    with pytest.raises(ClientError):
        aws("apigateway").create_rest_api(name="a", policy="no policy")
    assert isinstance(aws("apigateway").get_rest_apis()["items"], list)


@pytest.mark.parametrize("policy", ["1", '"a"', "no policy", "[]"])
def test_malformed_policy_leaves_its_secret_usable(aws, policy):
    """https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutResourcePolicy.html#API_PutResourcePolicy_Errors"""
    secrets = aws("secretsmanager")
    arn = secrets.create_secret(Name=unique("secret"), SecretString="x")["ARN"]
    try:
        with pytest.raises(ClientError) as refused:
            secrets.put_resource_policy(SecretId=arn, ResourcePolicy=policy)
        assert refused.value.response["Error"]["Code"] == "MalformedPolicyDocumentException"
        assert secrets.get_secret_value(SecretId=arn)["SecretString"] == "x"
    finally:
        secrets.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


@pytest.mark.parametrize("policy", ["null", "no policy"])
def test_malformed_policy_leaves_queue_and_topic_usable(aws, policy):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html#API_SetQueueAttributes_Errors
    https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html#API_SetTopicAttributes_Errors"""
    sqs, sns = aws("sqs"), aws("sns")
    queue, topic = sqs.create_queue(QueueName=unique("q"))["QueueUrl"], sns.create_topic(Name=unique("t"))["TopicArn"]
    try:
        with pytest.raises(ClientError) as refused:
            sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
        assert refused.value.response["Error"]["Code"] == "InvalidAttributeValue"
        with pytest.raises(ClientError) as refused:
            sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
        assert refused.value.response["Error"]["Code"] == "InvalidParameter"
        sqs.tag_queue(QueueUrl=queue, Tags={"a": "b"})
        sns.publish(TopicArn=topic, Message="a")
    finally:
        sqs.delete_queue(QueueUrl=queue)
        sns.delete_topic(TopicArn=topic)


def test_page_of_mail_identities_has_its_size(aws):
    """https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_ListEmailIdentities.html"""
    mails = aws("sesv2")
    identities = [f"{unique('paged')}.example.com" for _ in range(2)]
    for identity in identities:
        mails.create_email_identity(EmailIdentity=identity)
    try:
        page = mails.list_email_identities(PageSize=1)
        assert len(page["EmailIdentities"]) == 1
        assert page["NextToken"]
    finally:
        for identity in identities:
            mails.delete_email_identity(EmailIdentity=identity)


def test_pages_of_ip_pools_follow_one_another(aws):
    """https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_ListDedicatedIpPools.html"""
    mails, pools = aws("sesv2"), {unique("pool") for _ in range(2)}
    for pool in pools:
        mails.create_dedicated_ip_pool(PoolName=pool)
    try:
        found, token = set(), {}
        while token is not None:
            page = mails.list_dedicated_ip_pools(PageSize=1, **token)
            found |= set(page["DedicatedIpPools"])
            token = {"NextToken": page["NextToken"]} if page.get("NextToken") else None
        assert found >= pools
    finally:
        for pool in pools:
            mails.delete_dedicated_ip_pool(PoolName=pool)


def test_simulation_without_resources_is_of_all(aws):
    """ "If this parameter is not provided, then the value defaults to * (all resources)."
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html"""
    user = unique("simulated")
    arn = aws("iam").create_user(UserName=user)["User"]["Arn"]
    try:
        answer = aws("iam").simulate_principal_policy(PolicySourceArn=arn, ActionNames=["s3:GetObject"])
        assert [each["EvalResourceName"] for each in answer["EvaluationResults"]] == ["*"]
    finally:
        aws("iam").delete_user(UserName=user)


def test_notification_topic_left_out_is_cleared(aws):
    """https://docs.aws.amazon.com/ses/latest/APIReference/API_SetIdentityNotificationTopic.html"""
    ses, mail = aws("ses"), f"{unique('a')}@example.com"
    topic = aws("sns").create_topic(Name=unique("bounces"))["TopicArn"]
    ses.verify_email_identity(EmailAddress=mail)
    ses.set_identity_notification_topic(Identity=mail, NotificationType="Bounce", SnsTopic=topic)
    ses.set_identity_notification_topic(Identity=mail, NotificationType="Bounce")
    found = ses.get_identity_notification_attributes(Identities=[mail])["NotificationAttributes"]
    assert not found.get(mail, {}).get("BounceTopic")
    ses.delete_identity(Identity=mail)
    aws("sns").delete_topic(TopicArn=topic)


def test_metrics_of_entities_are_metrics(aws):
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html"""
    namespace = unique("entities")
    aws("cloudwatch").put_metric_data(
        Namespace=namespace,
        EntityMetricData=[
            {
                "Entity": {"KeyAttributes": {"Type": "Service", "Name": "shop"}},
                "MetricData": [{"MetricName": "orders", "Value": 3}],
            }
        ],
    )
    [metric] = aws("cloudwatch").list_metrics(Namespace=namespace)["Metrics"]
    assert metric["MetricName"] == "orders"


def test_query_takes_identifiers_of_log_groups(aws):
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html"""
    logs, group = aws("logs"), unique("queried")
    logs.create_log_group(logGroupName=group)
    arn = f"arn:aws:logs:us-east-1:000000000000:log-group:{group}"
    try:
        assert logs.start_query(logGroupIdentifiers=[arn], startTime=0, endTime=1, queryString="fields @message")[
            "queryId"
        ]
    finally:
        logs.delete_log_group(logGroupName=group)


def test_certificate_with_some_options_has_the_others_defaults(aws):
    """https://docs.aws.amazon.com/acm/latest/APIReference/API_CertificateOptions.html"""
    acm = aws("acm")
    arn = acm.request_certificate(
        DomainName="a.example.com", Options={"CertificateTransparencyLoggingPreference": "DISABLED"}
    )["CertificateArn"]
    try:
        options = acm.describe_certificate(CertificateArn=arn)["Certificate"]["Options"]
        assert options == {"CertificateTransparencyLoggingPreference": "DISABLED", "Export": "DISABLED"}
        assert arn in [each["CertificateArn"] for each in acm.list_certificates()["CertificateSummaryList"]]
    finally:
        acm.delete_certificate(CertificateArn=arn)


def test_permission_for_no_account_is_refused(aws):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_AddPermission.html"""
    sqs = aws("sqs")
    queue = sqs.create_queue(QueueName=unique("q"))["QueueUrl"]
    try:
        with pytest.raises(ClientError) as refused:
            sqs.add_permission(QueueUrl=queue, Label="a", AWSAccountIds=[], Actions=[])
        assert refused.value.response["Error"]["Code"] == "MissingParameter"
    finally:
        sqs.delete_queue(QueueUrl=queue)


@pytest.mark.parametrize("folder", ["", "/", "/a/"])
def test_parameter_that_is_asked_for_in_vain_is_not_listed(aws, folder):
    """https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameterHistory.html#API_GetParameterHistory_Errors"""
    ssm, name = aws("ssm"), folder + unique("none")
    for asked in (
        lambda: ssm.get_parameter_history(Name=name),
        lambda: ssm.get_parameter(Name=f"{name}:1"),
        lambda: ssm.label_parameter_version(Name=name, Labels=["a"]),
    ):
        with pytest.raises(ClientError) as refused:
            asked()
        assert refused.value.response["Error"]["Code"] == "ParameterNotFound"
    pages = ssm.get_paginator("describe_parameters").paginate()
    assert name not in [parameter["Name"] for page in pages for parameter in page["Parameters"]]
    ssm.put_parameter(Name=name, Value="1", Type="String")
    ssm.put_parameter(Name=name, Value="2", Type="String", Overwrite=True)
    assert [version["Value"] for version in ssm.get_parameter_history(Name=name)["Parameters"]] == ["1", "2"]
    ssm.delete_parameter(Name=name)


def signed(service, **headers):
    scope = f"Credential=test/20260101/us-east-1/{service}/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0", **headers}


def test_path_with_an_empty_name_is_that_of_the_listing(engine):
    answer = httpx.get(f"{engine.endpoint_url}/restapis/", headers=signed("apigateway"))
    assert answer.status_code == 200
    assert isinstance(answer.json()["item"], list)


@pytest.mark.parametrize("path", ["configuration-sets", "contact-lists"])
def test_path_without_the_name_that_it_needs_is_unknown(engine, path):
    answer = httpx.delete(f"{engine.endpoint_url}/v2/email/{path}/", headers=signed("ses"))
    assert answer.status_code == 404
    assert answer.headers["x-amzn-errortype"] == "UnknownOperationException"


def test_deletion_with_a_body_of_null_is_read_without(engine):
    answer = httpx.request(
        "DELETE", f"{engine.endpoint_url}/v2/email/configuration-sets/none", headers=signed("ses"), content=b"null"
    )
    assert answer.status_code in (200, 404), answer.text


def test_alarms_are_found_by_the_prefix_of_an_action(aws):
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html"""
    cloudwatch, names = aws("cloudwatch"), [unique("acts"), unique("acts-not")]
    action = f"arn:aws:sns:us-east-1:000000000000:{names[0]}"
    rule = {"MetricName": "m", "Namespace": "n", "Period": 60, "Statistic": "Sum", "EvaluationPeriods": 1}
    rule |= {"Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"}
    for name, actions in zip(names, ([action], []), strict=True):
        cloudwatch.put_metric_alarm(AlarmName=name, OKActions=actions, **rule)
    try:
        found = cloudwatch.describe_alarms(ActionPrefix=action)["MetricAlarms"]
        assert [alarm["AlarmName"] for alarm in found] == names[:1]
    finally:
        cloudwatch.delete_alarms(AlarmNames=names)


def test_body_of_an_operation_without_members_is_not_read(engine):
    """https://docs.aws.amazon.com/acm/latest/APIReference/API_GetAccountConfiguration.html"""
    headers = {
        "X-Amz-Target": "CertificateManager.GetAccountConfiguration",
        "Content-Type": "application/x-amz-json-1.1",
    }
    answer = httpx.post(engine.endpoint_url, headers=signed("acm", **headers), content=b"\x80}")
    assert answer.status_code == 200
    assert "ExpiryEvents" in answer.json()


def test_unknown_patch_group_has_the_default_baseline(aws):
    answer = aws("ssm").get_patch_baseline_for_patch_group(PatchGroup=unique("none"))
    assert answer["BaselineId"]
    assert answer["OperatingSystem"] == "WINDOWS"


@pytest.mark.parametrize("body", [b"null", b""])
def test_request_without_a_body_is_one_without_members(engine, body):
    """What clients of AWS send as `{}`."""
    target = {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0"}
    answer = httpx.post(engine.endpoint_url, headers=signed("dynamodb", **target), content=body)
    assert answer.status_code == 200
    assert isinstance(answer.json()["TableNames"], list)


def test_filter_with_an_undefined_value_is_refused(aws):
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ExpressionAttributeValues.html"""
    dynamodb, table = aws("dynamodb"), unique("queried")
    dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    values = {":id": {"S": "1"}}
    key = {"KeyConditionExpression": "id = :id"}
    try:
        for operation, arguments in ((dynamodb.query, key), (dynamodb.scan, {})):
            with pytest.raises(ClientError, match="attribute value: :00") as refused:
                operation(TableName=table, FilterExpression="x = :00", ExpressionAttributeValues=values, **arguments)
            assert refused.value.response["Error"]["Code"] == "ValidationException"
    finally:
        dynamodb.delete_table(TableName=table)


def test_export_without_a_prefix_is_listed_without_a_table(aws):
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ListExports.html"""
    dynamodb, table, bucket = aws("dynamodb"), unique("exported"), unique("exports")
    aws("s3").create_bucket(Bucket=bucket)
    made = dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    arn = made["TableDescription"]["TableArn"]
    export = dynamodb.export_table_to_point_in_time(TableArn=arn, S3Bucket=bucket)["ExportDescription"]["ExportArn"]
    assert export in [each["ExportArn"] for each in dynamodb.list_exports()["ExportSummaries"]]
    dynamodb.delete_table(TableName=table)


NO_STATEMENT = {"Statement": "no statement"}


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [("execute_statement", NO_STATEMENT), ("execute_transaction", {"TransactStatements": [NO_STATEMENT]})],
)
def test_statement_that_is_none_is_a_validation_error(aws, operation, arguments):
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.html"""
    with pytest.raises(ClientError, match="Statement wasn't well formed") as refused:
        getattr(aws("dynamodb"), operation)(**arguments)
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_batch_answers_for_each_statement(aws):
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchStatementError.html"""
    good = {"Statement": "SELECT * FROM \"none\" WHERE id = 'a'"}
    answers = aws("dynamodb").batch_execute_statement(Statements=[NO_STATEMENT, good])["Responses"]
    assert [each["Error"]["Code"] for each in answers] == ["ValidationError", "ResourceNotFound"]


def test_stack_is_found_by_the_id_of_a_resource(aws):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html"""
    cloudformation, stack, queue = aws("cloudformation"), unique("stack"), unique("queue")
    template = f'{{"Resources": {{"Queue": {{"Type": "AWS::SQS::Queue", "Properties": {{"QueueName": "{queue}"}}}}}}}}'
    cloudformation.create_stack(StackName=stack, TemplateBody=template)
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    url = aws("sqs").get_queue_url(QueueName=queue)["QueueUrl"]
    try:
        [found] = cloudformation.describe_stack_resources(PhysicalResourceId=url)["StackResources"]
        assert (found["StackName"], found["LogicalResourceId"]) == (stack, "Queue")
    finally:
        cloudformation.delete_stack(StackName=stack)


def test_api_keys_are_listed_by_name_if_another_has_none(aws):
    apigateway, name = aws("apigateway"), unique("named")
    keys = [apigateway.create_api_key()["id"], apigateway.create_api_key(name=name)["id"]]
    try:
        assert [key["id"] for key in apigateway.get_api_keys(nameQuery=name)["items"]] == keys[1:]
    finally:
        for key in keys:
            apigateway.delete_api_key(apiKey=key)


def test_api_keys_are_imported_from_a_file(aws):
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/api-key-file-format.html"""
    apigateway, value = aws("apigateway"), uuid.uuid4().hex
    plan = apigateway.create_usage_plan(name=unique("plan"))["id"]
    file = f"Name,key,description,Enabled,usageplanIds\nfirst,{value},of a file,FALSE,{plan}\nsecond,{value[::-1]},,,none\n"
    imported = apigateway.import_api_keys(body=file.encode(), format="csv")
    keys = [apigateway.get_api_key(apiKey=key, includeValue=True) for key in imported["ids"]]
    try:
        assert [(key["name"], key["value"], key["enabled"]) for key in keys] == [
            ("first", value, False),
            ("second", value[::-1], True),
        ]
        assert [key["id"] for key in apigateway.get_usage_plan_keys(usagePlanId=plan)["items"]] == imported["ids"][:1]
        assert len(imported["warnings"]) == 1
    finally:
        for key in imported["ids"]:
            apigateway.delete_api_key(apiKey=key)
        apigateway.delete_usage_plan(usagePlanId=plan)


def test_file_without_keys_is_refused(aws):
    with pytest.raises(ClientError) as refused:
        aws("apigateway").import_api_keys(body=b"\x08N*W", format="csv")
    assert refused.value.response["Error"]["Code"] == "BadRequestException"
