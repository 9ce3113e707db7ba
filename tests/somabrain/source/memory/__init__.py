"""The client of the memory service."""
