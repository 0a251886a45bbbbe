"""One module per step; a step that has left the house is never edited."""
