"""What the same day would have come to under another policy (docs/whatif.md)."""
