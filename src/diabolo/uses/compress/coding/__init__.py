"""Symbols ↔ bits, by a small network in whole numbers."""
