"""Metrics and alarms of CloudWatch."""
