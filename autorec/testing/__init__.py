"""Fakes and conformance suites: shipped, so that proposers and executors of one's own can be tested the same way."""
