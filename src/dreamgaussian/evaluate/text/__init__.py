"""The benchmark of text input: prompts, whole runs, and whether what comes out is what was asked for."""
