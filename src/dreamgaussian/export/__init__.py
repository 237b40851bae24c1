"""The third seam: files."""
