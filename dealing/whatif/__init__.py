"""What the same day would have come to under another policy: ``plimsoll whatif`` (docs/whatif.md)."""
