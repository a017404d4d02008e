"""Stands in for the expansion: its error is the names of its environment."""

import json
import os
import sys

sys.stdin.buffer.read()
sys.stdout.write(json.dumps({"error": " ".join(os.environ)}))
