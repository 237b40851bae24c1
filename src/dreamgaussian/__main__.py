"""`python -m dreamgaussian` is the command line."""

from dreamgaussian.cli import main

main()
