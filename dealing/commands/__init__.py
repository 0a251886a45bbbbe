"""What people decide: commands with a reason, a second person where much is at stake, and undo."""
