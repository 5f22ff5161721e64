"""Values that the model allows and that name nothing get one of the errors that the operation declares."""

import pytest
from botocore.exceptions import ClientError

NOWHERE = "arn:aws:{service}:nowhere-1:000000000000:{resource}"


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "codes"),
    [
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html#API_DeleteQueue_Errors
        ("sqs", "delete_queue", {"QueueUrl": "no queue's"}, {"InvalidAddress"}),
        ("events", "list_rules", {"NextToken": "ünï☃"}, {"ValidationException"}),
        ("events", "list_tags_for_resource", {"ResourceARN": "no ARN"}, {"ValidationException"}),
        # https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeParameters.html#API_DescribeParameters_Errors
        ("ssm", "describe_parameters", {"NextToken": "no token"}, {"InvalidNextToken"}),
        # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html#API_ListSecrets_Errors
        ("secretsmanager", "list_secrets", {"NextToken": "no token"}, {"InvalidNextTokenException"}),
        # https://docs.aws.amazon.com/apigateway/latest/api/API_DeleteUsagePlan.html#API_DeleteUsagePlan_Errors
        ("apigateway", "delete_usage_plan", {"usagePlanId": "none"}, {"NotFoundException"}),
        # https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_DeleteConfigurationSet.html#API_DeleteConfigurationSet_Errors
        ("sesv2", "delete_configuration_set", {"ConfigurationSetName": "none"}, {"NotFoundException"}),
        # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_GetRecords.html
        ("dynamodbstreams", "get_records", {"ShardIterator": "none"}, {"ValidationException"}),
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html#API_CreateBucket_RequestSyntax
        ("s3", "create_bucket", {"Bucket": "granted-to-nothing", "GrantWrite": "no pair"}, {"InvalidArgument"}),
        ("s3", "list_buckets", {"ContinuationToken": "a"}, {"InvalidArgument"}),
        ("kinesis", "describe_stream", {"StreamARN": NOWHERE}, {"ResourceNotFoundException"}),
        ("dynamodb", "describe_table", {"TableName": NOWHERE}, {"ResourceNotFoundException", "ValidationException"}),
        ("sns", "unsubscribe", {"SubscriptionArn": "arn:aws:s3:::a"}, {"InvalidParameter", "NotFound"}),
        ("sns", "get_topic_attributes", {"TopicArn": NOWHERE}, {"NotFound", "InvalidParameter"}),
        ("kms", "describe_key", {"KeyId": NOWHERE}, {"NotFoundException", "InvalidArnException"}),
    ],
)
def test_value_that_names_nothing_is_refused(aws, service, operation, arguments, codes):
    resource = {"dynamodb": "table/none", "kinesis": "stream/none", "kms": "key/none"}.get(service, "none")
    arguments = {name: value.format(service=service, resource=resource) for name, value in arguments.items()}
    with pytest.raises(ClientError) as refused:
        getattr(aws(service), operation)(**arguments)
    assert refused.value.response["Error"]["Code"] in codes
    assert 400 <= refused.value.response["ResponseMetadata"]["HTTPStatusCode"] < 500


def test_malformed_log_group_policy_does_not_stop_the_service(aws):
    logs = aws("logs")
    logs.put_resource_policy(policyName="no-policy")
    try:
        logs.create_log_group(logGroupName="beside-a-malformed-policy")
        logs.delete_log_group(logGroupName="beside-a-malformed-policy")
    finally:
        logs.delete_resource_policy(policyName="no-policy")


def test_empty_list_of_a_form_is_a_list(aws):
    sns = aws("sns")
    topic = sns.create_topic(Name="without-tags")["TopicArn"]
    sns.tag_resource(ResourceArn=topic, Tags=[])
    assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == []
    sns.delete_topic(TopicArn=topic)
