import os


def transfer(what: str) -> None:
    with open(os.environ["LEDGER"], "a") as ledger:
        ledger.write(what + "\n")
