"""Runs what is scheduled: EventBridge rules with a schedule and the schedules of EventBridge Scheduler.

`expressions` computes when a schedule is due, `clock` runs those that are due and lets a test run one now, `retries` says when a
delivery is retried. What a run does is the service's part: `events.rules` and `scheduler.runs` register their schedules.
"""
