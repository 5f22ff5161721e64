"""Services of other categories."""

from harness.aws.model import Service

SERVICES = (
    Service("cloudcontrol", sdk_id="CloudControl", prefix="cloudformation"),
    Service("iot", sdk_id="IoT", sam_events=("IoTRule",), read_call="list_things", sends_source_owner=True),
    Service("lexv2-models", sdk_id="Lex Models V2", cloudformation=("Lex",)),
    Service("transcribe", sdk_id="Transcribe", validation_error="BadRequestException"),
)
