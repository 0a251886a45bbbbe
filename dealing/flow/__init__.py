"""Clients' flow in a running engine: scored as deals come, saved beside the book, asked about."""
