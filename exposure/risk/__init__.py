"""Book risk: what could happen to what the house holds, and the tests that judge its figures."""
