"""Scripted peers for the tests: each one is a context manager with a few threads, on an ephemeral port of 127.0.0.1.

A fake says exactly what its script says, remembers what it was asked, and ends with bounded joins: a thread that
does not end is an error of the test, not a hang. Nothing here knows startguard.
"""
