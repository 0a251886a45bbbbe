"""The simulated outside world: prices, clients, the trading platform and a provider."""
