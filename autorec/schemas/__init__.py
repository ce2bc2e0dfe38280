"""Pydantic models for what comes from outside: configuration, search spaces, replies, the wire, events."""
