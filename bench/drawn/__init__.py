"""What stands between two marks of a page of docs, drawn from results/*.json (bench/pages.py)."""
