"""The process: command line, configuration, wiring, and the two ways through."""
