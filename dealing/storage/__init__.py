"""What the engine keeps on disk: its journal and its snapshots."""
