"""Other systems' payloads, read as their own documentation describes them."""
