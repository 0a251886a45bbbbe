"""Book risk: what could happen to what the house holds."""
