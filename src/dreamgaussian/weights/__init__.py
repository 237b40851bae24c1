"""The embedded networks: weights and their cards."""
