"""The size of a request: the bytes of its payload as canonical JSON, whatever else it shows."""

from dataclasses import replace

from contracts.samples import an_ask

from engine.asks.ask import size_of


def test_the_size_is_that_of_the_payload_in_bytes() -> None:
    ask = replace(an_ask(), payload={"b": "é", "a": [1, "\ud83d"]})
    assert size_of(ask) == len('{"a":[1,"???"],"b":"??"}')
    assert size_of(replace(ask, prompt="x" * 1_000)) == size_of(ask)
