"""What the command line can do: each command's flags, and what it carries out.

No torch is loaded by importing this.
"""
