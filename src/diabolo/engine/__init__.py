"""Knows players, batches and plans; no word of autoencoders."""
