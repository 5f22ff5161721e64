"""The metrics that SQS and Lambda keep of themselves.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

from datetime import UTC, datetime, timedelta


def _sum(aws, namespace, metric, dimension, unit=None):
    """The metric's sum and how many were measured, of the last hour."""
    now = datetime.now(UTC)
    [name] = dimension
    points = aws("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": dimension[name]}],
        StartTime=now - timedelta(minutes=30),
        EndTime=now + timedelta(minutes=30),
        Period=3600,
        Statistics=["Sum", "SampleCount"],
        **({"Unit": unit} if unit else {}),
    )["Datapoints"]
    return (sum(p["Sum"] for p in points), sum(p["SampleCount"] for p in points))


def test_a_queue_counts_what_went_through_it(aws, queue):
    sqs = aws("sqs")
    url = queue.url
    of = {"QueueName": url.rsplit("/", 1)[1]}
    for body in ("one", "three"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=received[0]["ReceiptHandle"])
    assert sqs.receive_message(QueueUrl=url).get("Messages", []) == []
    assert _sum(aws, "AWS/SQS", "NumberOfMessagesSent", of) == (2, 2)
    assert _sum(aws, "AWS/SQS", "SentMessageSize", of, unit="Bytes") == (8, 2)
    assert _sum(aws, "AWS/SQS", "SentMessageSize", of, unit="Seconds") == (0, 0)
    assert _sum(aws, "AWS/SQS", "NumberOfMessagesReceived", of)[0] == len(received)
    assert _sum(aws, "AWS/SQS", "NumberOfMessagesDeleted", of) == (1, 1)
    assert _sum(aws, "AWS/SQS", "NumberOfEmptyReceives", of)[0] >= 1
    listed = aws("cloudwatch").list_metrics(
        Namespace="AWS/SQS", Dimensions=[{"Name": "QueueName", "Value": of["QueueName"]}]
    )["Metrics"]
    assert {"NumberOfMessagesSent", "SentMessageSize"} <= {metric["MetricName"] for metric in listed}


def test_a_function_counts_its_invocations_and_errors(aws, function):
    """An error rate is errors by invocations, so a success counts as no error rather than not at all."""
    divides = function("def handler(event, context):\n    return 1 / event['by']\n")
    for by in (1, 0, 2):
        divides.invoke({"by": by})
    of = {"FunctionName": divides.name}
    assert _sum(aws, "AWS/Lambda", "Invocations", of, unit="Count") == (3, 3)
    assert _sum(aws, "AWS/Lambda", "Errors", of, unit="Count") == (1, 3)
