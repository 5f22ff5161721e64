"""Schedules of EventBridge Scheduler."""
