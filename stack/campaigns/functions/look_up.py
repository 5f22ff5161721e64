"""Task LookUp: reads the state from the mail SaaS if no callback came. A callback may be lost; mails are not."""

from typing import Any

import mail_saas
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001 - AWS's signature
    logger.append_keys(campaign_id=event["campaign_id"])
    answer = mail_saas.call("GET", f"/v1/campaigns/{event['reference']}")
    if answer.status == 429:
        raise mail_saas.MailSaasUnavailableError("the mail SaaS is too busy to say how the campaign stands")
    stands = {name: answer.body[name] for name in ("status", "delivered", "bounced")}
    logger.info("looked up", extra={"status": stands["status"]})
    return stands
