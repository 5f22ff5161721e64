"""Mails of SES."""
