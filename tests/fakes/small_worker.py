"""A worker that speaks with its supervisor and does nothing else: standard library only, so that it starts in no time.

Started by its path. It obeys the text of its configuration, a line for each worker that it is about:

    2: dies             it kills itself as soon as it serves
    2: never serves     it kills itself before
    2: cannot start     it tells a problem, and ends
    2: refuses          it takes no text that says so
    2: hangs            it answers nothing once it serves, and does not stop
    2: starts late      with its configuration it waits for a message, and answers it as one that is starting does
    2: takes nothing    it puts no text in force, and answers nothing from then on
    2: starts for long  it answers nothing, does not serve, and does not stop
    2: names            it says which names it has
    2: counts 5         it tells that it counted so many clicks, before it serves
"""

import json
import os
import signal
import socket
import sys
from typing import Any


class SmallWorker:
    def __init__(self, told: dict[str, Any]) -> None:
        self.number = told["number"]
        self.channel = socket.socket(fileno=told["channel"])
        self.lines = self.channel.makefile("r", encoding="utf-8")
        self.prepared = ""
        self.unanswered: list[Any] = []
        configuration = self.ask("configuration")
        self.text, edition = configuration["texts"]["app.yaml"], configuration["edition"]
        self.names = self.ask("names", edition=edition)["names"]
        if self.names is None:
            self.names = f"names of worker {self.number}"
            self.send(what="names", edition=edition, names=self.names)

    def send(self, **message: Any) -> None:
        self.channel.sendall(json.dumps(message).encode() + b"\n")

    def ask(self, what: str, **more: Any) -> Any:
        self.send(number=1, what=what, **more)
        while "answer" not in (line := json.loads(self.lines.readline())):
            if line["what"] == "stop":
                sys.exit(0)
            self.unanswered.append(line)
        return line["answer"]

    def says(self, what: str, text: str | None = None) -> bool:
        """Tell whether the text says this of this worker."""
        return any(line.startswith(f"{self.number}: {what}") for line in (text or self.text).splitlines())

    @property
    def clicks(self) -> int:
        return sum(int(line.split()[-1]) for line in self.text.splitlines() if self.says("counts", line))

    def families(self) -> list[Any]:
        counted = ["signoff_clicks", "counter", "Clicks", [["signoff_clicks_total", {"choice": "a"}, self.clicks]]]
        running = ["signoff_runs_active", "gauge", "Runs", [["signoff_runs_active", {}, 2]]]
        return [counted, running]

    def run(self) -> None:
        self.send(what="metrics", families=self.families())
        if self.says("never serves"):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.says("cannot start"):
            self.send(what="failed", problems=["app.yaml:1: agents: it cannot start."])
            sys.exit(1)
        if self.says("starts late"):
            message = self.unanswered[0] if self.unanswered else json.loads(self.lines.readline())
            if message["what"] == "stop":
                sys.exit(0)
            self.answer(message, missing=["it is starting"], degraded=[], hears=False, problems=[])
        if self.says("starts for long"):
            signal.pause()
        self.send(number=2, what="may serve")
        while "answer" not in (message := json.loads(self.lines.readline())):
            self.take(message)
        self.send(what="serving")
        if self.says("dies"):
            os.kill(os.getpid(), signal.SIGKILL)
        for line in self.lines:
            if not self.says("hangs"):
                self.take(json.loads(line))

    def take(self, message: dict[str, Any]) -> None:
        match message["what"]:
            case "stop":
                sys.exit(0)
            case "prepare":
                self.prepared = message["texts"]["app.yaml"]
                refused = self.says("refuses", self.prepared)
                self.answer(message, problems=[["app.yaml:2: x", "is wrong", "Correct it."]] if refused else [])
            case "take effect" if self.says("takes nothing"):
                self.text += f"\n{self.number}: hangs"
            case "take effect":
                self.text = self.prepared
                self.answer(message)
            case "metrics":
                self.answer(message, families=self.families())
            case "readiness":
                names = [self.names] if self.says("names") else []
                self.answer(message, missing=[], degraded=[self.text, *names], hears=True)
            case _:
                self.answer(message)

    def answer(self, message: dict[str, Any], **answer: Any) -> None:
        self.send(number=message["number"], answer=answer)


if __name__ == "__main__":
    SmallWorker(json.loads(os.environ["SIGNOFF_WORKER"])).run()
