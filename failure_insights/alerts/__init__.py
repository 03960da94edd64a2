"""Alerts: what a rule tells of, the message, and its way to Slack, mail or a webhook."""
