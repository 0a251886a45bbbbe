"""What the house earned: facts booked, kept, proved, closed by the day and shown."""
