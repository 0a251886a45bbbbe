"""The back office: clients, payments, KYC and the ledger. It arrives with a later release."""
