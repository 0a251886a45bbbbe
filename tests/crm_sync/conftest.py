"""Databases for every test of the back office."""

from tests.crm_sync.databases import database, postgres, postgres_database, sqlite_database

__all__ = ["database", "postgres", "postgres_database", "sqlite_database"]
