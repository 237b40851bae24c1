"""From rendered views to a texture, and its refinement."""
