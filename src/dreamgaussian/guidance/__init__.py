"""Score distillation from a frozen diffusion model: the `Prior` protocol, and what is computed with one."""
