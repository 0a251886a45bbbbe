"""The back office at work: the rooms of ``crm_sync``, wired to the outside and the desk."""
