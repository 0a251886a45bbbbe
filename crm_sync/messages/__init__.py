"""What other systems say and are told: webhooks, inbox, outbox, cursors and dead letters."""
