"""Runs what is scheduled: EventBridge rules with a schedule and the schedules of EventBridge Scheduler.

`expressions` says when a schedule is due, `clock` runs those that are and lets a test run one now, `scheduler` is what
LocalStack does not have of EventBridge Scheduler: its schedules were stored and never ran. What a rule does when it runs is in
`event_rules`.
"""
