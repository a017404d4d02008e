"""The commands of `signoff`, a module each, and what a command that serves does until it has drained.

Imports everything in `bot` but the command line.
"""
