"""Analytics: one row for each service."""

from harness.aws import icons
from harness.aws.model import ResourceKind, Service

SERVICES = (
    Service("athena", sdk_id="Athena", called_by=("athena",), read_call="list_work_groups"),
    Service(
        "firehose",
        sdk_id="Firehose",
        cloudformation=("KinesisFirehose",),
        called_by=("firehose",),
        read_call="list_delivery_streams",
        resources=(
            ResourceKind(
                ("AWS::KinesisFirehose::DeliveryStream",),
                "delivery_stream",
                title="Firehose delivery stream",
                colour="network",
            ),
        ),
    ),
    Service("glue", sdk_id="Glue", read_call="get_databases"),
    Service(
        "kinesis",
        title="Kinesis",
        sdk_id="Kinesis",
        cloudformation=("Kinesis",),
        messaging_system="aws.kinesis",
        trigger="datasource",
        request_member="StreamName",
        sam_events=("Kinesis",),
        called_by=("kinesis",),
        read_call="list_streams",
        documents=("Policy",),
        document_error="InvalidArgumentException",
        pages_by_key=True,
        resources=(
            ResourceKind(
                ("AWS::Kinesis::Stream",),
                "stream",
                title="Kinesis stream",
                arns=(r"kinesis:stream/(?P<name>[^/]+)",),
                name_property="Name",
                colour="network",
                icon=icons.STREAM,
                shape="lanes",
            ),
            ResourceKind(("AWS::Kinesis::StreamConsumer",), stands_for="StreamARN"),
        ),
    ),
    Service("opensearch", sdk_id="OpenSearch", cloudformation=("OpenSearchService",), read_call="list_domain_names"),
    Service("es", sdk_id="Elasticsearch Service", cloudformation=("Elasticsearch",)),
    Service("kafka", sdk_id="Kafka", cloudformation=("MSK",), sam_events=("MSK",)),
    Service("emr-containers", sdk_id="EMR containers", cloudformation=("EMRContainers",)),
    Service("emr-serverless", sdk_id="EMR Serverless", cloudformation=("EMRServerless",)),
    Service("redshift", sdk_id="Redshift", sends_source_owner=True),
    Service("redshift-serverless", sdk_id="Redshift Serverless", cloudformation=("RedshiftServerless",)),
)
