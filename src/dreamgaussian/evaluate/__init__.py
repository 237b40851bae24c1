"""The benchmark: 40 objects that no network was trained on, the scores, and the report."""
