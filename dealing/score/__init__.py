"""``plimsoll score``: how dangerous each client's flow is, and why, from a broker's files."""
