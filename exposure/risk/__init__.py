"""What the house may lose: factors, covariances, value at risk and the tests that judge it."""
