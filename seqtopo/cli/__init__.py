"""The command line: one module a command, argparse in this package only."""
