"""Alerts: rules see, cases are worked on, channels tell, outcomes grade."""
