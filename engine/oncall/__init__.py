"""Shifts of on-call sources, and rotations of people. Imports nothing of the engine."""
