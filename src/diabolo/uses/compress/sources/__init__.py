"""Whatever the user has ↔ streams of symbols and kept bytes."""
