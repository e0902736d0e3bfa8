"""Models: words put together, one forward and one loss for every family; saved as one file."""
