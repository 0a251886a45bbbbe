"""``plimsoll reconcile``: files of three sides in, what is wrong out."""
