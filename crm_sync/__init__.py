"""The back office: clients, payments, KYC, partners, the ledger and what keeps systems in step."""
