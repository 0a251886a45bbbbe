"""``plimsoll lab``: populations whose truth is known, against everything that claims to know it.

A score that is only ever tried on the generator it was made with proves nothing. So populations
are drawn by generators of different hands, every method sees the same first trades, an oracle that
knows the generator says what could be had, and the promises are checked on the worst seed as well.
What is measured and how to read it: docs/flow.md.
"""
