"""What a target may be able to do beyond answering AWS calls, and who can.

An engine of ours lists its capabilities in `/_harness/ready`. AWS behaves as AWS, and has no test API. Of any other
emulator neither is known, so both are taken as missing.
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
"""Parts of the engine's own test API."""

BEHAVIOURS = {
    "iam": "decides calls by IAM policies",
    "lambda-nodejs": "runs functions with a nodejs runtime",
    "load-balancers": "answers requests at Application Load Balancers",
    "rest-api-authorizers": "runs the authorizers of REST APIs",
    "websocket": "serves WebSocket APIs",
}
"""Behaviours of AWS that emulators are known to lack, and that no call asks for cheaply."""

CALLBACKS = "callbacks"
MACHINE = {
    CALLBACKS: "can call servers that a test starts on this machine",
}
"""What follows from where the target runs."""

DESCRIPTIONS = {**HARNESS_API, **BEHAVIOURS, **MACHINE}
