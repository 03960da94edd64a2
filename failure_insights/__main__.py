"""`python -m failure_insights` is the command `failure-insights`."""

from failure_insights.commands.cli import app

app(prog_name="failure-insights")
