"""Validated input: columns, groups, weights, constraints."""
