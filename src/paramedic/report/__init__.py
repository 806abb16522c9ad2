"""Findings written for somebody: terminal, JSON and SARIF. Rendering never changes a finding."""
