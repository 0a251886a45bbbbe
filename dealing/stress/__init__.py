"""``plimsoll stress``: what a jump of prices would do to a broker's day."""
