"""The vocabulary of the desk: every word a dealer uses, as a type."""
