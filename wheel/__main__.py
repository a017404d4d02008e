"""`python -m signoff` where the wheel is installed, in which `signoff` is a package: signoff.py says why."""

from bot.cli import main

if __name__ == "__main__":
    main()
