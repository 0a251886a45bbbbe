"""Adapters in: bytes from platforms, venues, files and the simulator become events."""
