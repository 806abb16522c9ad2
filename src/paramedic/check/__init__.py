"""The use cases: a source becomes findings, findings become a verdict."""
