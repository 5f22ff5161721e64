"""CustomMessage: Lumen's own words around the codes that Cognito mails.

https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-custom-message.html
"""

import html
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

WORDS = {
    "CustomMessage_SignUp": ("Your code for Lumen", "confirm your address"),
    "CustomMessage_ResendCode": ("Your new code for Lumen", "confirm your address"),
    "CustomMessage_ForgotPassword": ("Set a new password for Lumen", "set a new password"),
}
"""Subject and purpose by trigger source; Cognito's own words stay for the others."""

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    words = WORDS.get(event["triggerSource"])
    if words is None:
        return event
    subject, purpose = words
    code = event["request"]["codeParameter"]
    # Cognito sends HTML; a name must not become markup, nor a second place for the code.
    name = html.escape(event["request"]["userAttributes"].get("name", "")).replace("{", "&#123;")
    event["response"]["emailSubject"] = subject
    event["response"]["emailMessage"] = (
        f"<p>Hello {name},</p><p>this code lets you {purpose}: <strong>{code}</strong></p>"
    )
    event["response"]["smsMessage"] = f"Lumen: {code} lets you {purpose}."
    return event
