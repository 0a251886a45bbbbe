"""What is owed to whom: the double-entry ledger, payments and their way to the platform."""
