"""Live hedging in a running engine: kept before it is sent, asked about, never done twice."""
