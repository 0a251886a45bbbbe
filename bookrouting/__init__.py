"""The routing core: flow scores, books and hedging. Pure; it arrives with a later release."""
