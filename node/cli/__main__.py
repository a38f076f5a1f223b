"""`python -m node.cli` is the command `osteoscreen`."""

from node.cli.main import main

main()
