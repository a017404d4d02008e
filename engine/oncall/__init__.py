"""On-call shifts as a source tells them, and rotations of people by the wall clock.

Imports nothing of the engine.
"""
