"""What the rules look at: from what others say to looks, pure and small."""
