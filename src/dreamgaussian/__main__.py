"""`python -m dreamgaussian` is the command line."""

from dreamgaussian.cli.main import main

main()
