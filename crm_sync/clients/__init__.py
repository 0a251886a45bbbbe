"""Who the clients are: profiles, accounts, KYC, personal data and how it is found."""
