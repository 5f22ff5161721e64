"""What a target may support in addition to AWS calls, and which targets do.

Our engines list their capabilities in `/_harness/ready`. AWS behaves as AWS, and has no test API. For any other emulator
both are unknown, so both count as unsupported.
"""

HARNESS_API = {
    "cloudformation-types": "says which CloudFormation resource types it knows (GET /_harness/cloudformation/types)",
    "faults": "lets calls fail on purpose (PUT /_harness/faults)",
    "fire": "makes due now what real time would make due (POST /_harness/fire)",
    "journal": "writes down what happens in it (GET /_harness/journal)",
    "outbox": "shows mails and text messages that left the system (GET /_harness/outbox)",
    "preload": "loads services before they are called (POST /_harness/preload)",
    "reset": "empties its state (POST /_harness/reset)",
}
"""Parts of the engine's test API."""

BEHAVIOURS = {
    "iam": "decides calls by IAM policies",
    "lambda-nodejs": "runs functions with a nodejs runtime",
    "load-balancers": "answers requests at Application Load Balancers",
    "rest-api-authorizers": "runs the authorizers of REST APIs",
    "websocket": "serves WebSocket APIs",
}
"""Behaviours of AWS that some emulators do not support, and that no cheap call reveals."""

CALLBACKS = "callbacks"
MACHINE = {
    CALLBACKS: "can call servers that a test starts on this machine",
}
"""What depends on where the target runs."""

DESCRIPTIONS = {**HARNESS_API, **BEHAVIOURS, **MACHINE}
