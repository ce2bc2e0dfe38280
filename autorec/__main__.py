"""`python -m autorec` is the command `autorec`."""

from autorec.cli.main import main

main()
