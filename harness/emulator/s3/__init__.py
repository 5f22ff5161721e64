"""Completes LocalStack's S3: signatures of requests and forms, policies of forms, the order of events in notifications."""
