"""The benchmark: 40 objects that no network of ours was trained on, the scores, and the report."""
