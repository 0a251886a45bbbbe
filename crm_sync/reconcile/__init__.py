"""Whether provider, ledger and platform say the same: matching, breaks and their ends."""
