"""$disconnect: deletes the connection's item.

API Gateway invokes $disconnect on a best-effort basis. A remaining item is deleted at the next push to it (deliver.py),
or when its time to live ends.
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-keys-connect-disconnect.html
"""

import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()
connections = boto3.resource("dynamodb").Table(os.environ["CONNECTIONS_TABLE"])


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    request = event["requestContext"]
    key = {"user_id": request["authorizer"]["user_id"], "connection_id": request["connectionId"]}
    connections.delete_item(Key=key)
    logger.info("disconnected", extra={"connection_id": request["connectionId"]})
    return {"statusCode": 200}
