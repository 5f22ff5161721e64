import os

from greeting import greet


def handler(event, context):
    return {"statusCode": 200, "body": greet(os.environ["GREETING"])}
