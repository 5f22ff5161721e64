"""Event buses of EventBridge."""
