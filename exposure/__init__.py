"""The core: what the house holds, what it is worth, how close every account is to the edge.

Pure: no clock, no I/O, no logging. Everything outside reaches it as an event and leaves it as an
event or a snapshot.
"""
