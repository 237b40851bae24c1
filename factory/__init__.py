"""The data factory and training loop of the embedded prior."""
