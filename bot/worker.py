"""The program of a worker, started by its path: the standard library only until it knows where the modules are."""

import json
import os
import sys

if __name__ == "__main__":
    sys.path[:] = json.loads(os.environ["SIGNOFF_WORKER"])["path"]
    from bot.process import work

    sys.exit(work())
