"""The other systems around a simulated broker: its CRM, its payment provider, its KYC provider.

They are the outside world, as the platform is: what they know is theirs, they say it over HTTP in
their own forms, and they say it again until it is heard.
"""
