"""Measures: one file a kind of measure; what has a name in the field is computed here alone."""
