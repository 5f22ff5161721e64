"""Database: one row for each service."""

from harness.aws import icons
from harness.aws.model import ResourceKind, Service

SERVICES = (
    Service(
        "dynamodb",
        title="DynamoDB",
        sdk_id="DynamoDB",
        cloudformation=("DynamoDB",),
        trigger="datasource",
        request_member="TableName",
        called_by=("dynamodb",),
        read_call="list_tables",
        arn_variables={"tablename": ("TableName",)},
        condition_keys={"dynamodb:select": "Select", "dynamodb:returnvalues": "ReturnValues"},
        documents=("Policy", "ResourcePolicy"),
        document_error="ValidationException",
        pages_by_key=True,
        resources=(
            ResourceKind(
                ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable"),
                "table",
                title="DynamoDB table",
                arns=(r"dynamodb:table/(?P<name>[^/]+)",),
                name_property="TableName",
                colour="database",
                icon=icons.TABLE,
                shape="cylinder",
            ),
        ),
    ),
    Service(
        "dynamodbstreams",
        title="DynamoDB stream",
        sdk_id="DynamoDB Streams",
        prefix="dynamodb",
        main_kind="table",
        sam_events=("DynamoDB",),
        read_call="list_streams",
        arn_variables={"tablename": ("TableName",)},
        pages_by_key=True,
    ),
    Service(
        "elasticache",
        sdk_id="ElastiCache",
        cloudformation=("ElastiCache",),
        read_call="describe_cache_clusters",
        sends_source_owner=True,
        resources=(
            ResourceKind(
                (
                    "AWS::ElastiCache::CacheCluster",
                    "AWS::ElastiCache::ReplicationGroup",
                    "AWS::ElastiCache::ServerlessCache",
                ),
                "cache",
                title="ElastiCache",
                colour="database",
                icon=icons.CACHE,
                shape="cylinder",
            ),
        ),
    ),
    Service(
        "rds",
        sdk_id="RDS",
        cloudformation=("RDS",),
        read_call="describe_db_instances",
        sends_source_owner=True,
        resources=(
            ResourceKind(
                ("AWS::RDS::DBCluster",),
                "database",
                title="Aurora database",
                colour="database",
                icon=icons.DATABASE,
                shape="cylinder",
                log_groups=("/aws/rds/cluster/{}/",),
            ),
            ResourceKind(("AWS::RDS::DBInstance",), "database", log_groups=("/aws/rds/instance/{}/",)),
        ),
    ),
    Service(
        "rds-data",
        sdk_id="RDS Data",
        called_by=("rds-data",),
        read_call="execute_statement",
        read_arguments={
            "resourceArn": "arn:aws:rds:us-east-1:000000000000:cluster:harness-probe",
            "secretArn": "arn:aws:secretsmanager:us-east-1:000000000000:secret:harness-probe",
            "sql": "SELECT 1",
        },
    ),
    Service("docdb", sdk_id="DocDB", sam_events=("DocumentDB",)),
    Service("docdb-elastic", sdk_id="DocDB Elastic", cloudformation=("DocDBElastic",)),
    Service("keyspaces", sdk_id="Keyspaces", cloudformation=("Cassandra",)),
    Service("neptune-graph", sdk_id="Neptune Graph", cloudformation=("NeptuneGraph",)),
    Service("timestream-write", sdk_id="Timestream Write", cloudformation=("Timestream",)),
    Service("dms", sdk_id="Database Migration Service", sends_source_owner=True),
)
