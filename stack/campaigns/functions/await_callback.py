"""Task AwaitCallback: sends the mail SaaS a callback address, and keeps the task token until the callback.

The token stays here, because its holder can resume the execution. The SaaS gets a random id, valid for one callback.
https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-wait-token
"""

import os
import secrets
import time
from typing import Any

import boto3
import mail_saas
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

KEPT_SECONDS = 8 * 86400
"""Longer than the task waits, so that a late callback gets the response that it is late."""

logger = Logger()
callbacks = boto3.resource("dynamodb").Table(os.environ["CALLBACKS_TABLE"])


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> None:  # noqa: ARG001 - AWS's signature
    logger.append_keys(campaign_id=event["campaign_id"])
    callback_id = secrets.token_urlsafe(24)
    callbacks.put_item(
        Item={
            "callback_id": callback_id,
            "campaign_id": event["campaign_id"],
            "token": event["token"],
            "expires_at": int(time.time()) + KEPT_SECONDS,
        }
    )
    url = f"{os.environ['WEBHOOK_URL']}/callbacks/{callback_id}"
    answer = mail_saas.call("PUT", f"/v1/campaigns/{event['reference']}/webhook", {"url": url})
    if answer.status == 429:
        raise mail_saas.MailSaasUnavailableError("the mail SaaS is too busy to be told where to call back")
    logger.info("waiting")
