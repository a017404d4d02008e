"""Reading of a traveller's answers: by rules, or with a real model if there is one.

Both readers only say what the words mean; the advisers judge whether a number of days or a budget makes sense.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage, SystemMessage
from pydantic import BaseModel, Field
from signoff_examples_places import CITIES

Asked = Literal["place", "days", "budget", "hotel", "confirm"]


class Reading(BaseModel):
    """The meaning of one message of a traveller; fields that it does not mention stay empty."""

    place: str | None = Field(None, description="The city to travel to, as it is commonly written in English")
    days: int | None = Field(None, description="How many days the trip lasts; a stay of n nights lasts n + 1 days")
    budget: int | None = Field(None, description="What the hotel may cost in all, in euros; negative if they say so")
    hotel: str | None = Field(None, description="The hotel they choose, exactly as its name was offered")
    agrees: bool | None = Field(None, description="Whether they say yes or no to the question they were asked")
    stops: bool = Field(default=False, description="Whether they want to end the conversation without a trip")

    def changes_trip(self) -> bool:
        """Return whether it says something about the trip itself, which is the travel adviser's business."""
        return self.place is not None or self.days is not None or self.budget is not None


# Text, what was asked, the names of the hotels on offer (the cheapest first).
Reader = Callable[[str, Asked | None, Sequence[str]], Reading]

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
NUMBERS = {word: number for number, word in enumerate(WORDS)} | {"a": 1, "thirteen": 13, "fourteen": 14}
ORDINALS = ("first", "second", "third")
NUMBER = rf"(?<![\w.,-])(-?\d+|{'|'.join(NUMBERS)})"
SPAN = re.compile(rf"{NUMBER}[ -]*(day|night|week)s?\b")
AMOUNT = r"(-?\d+(?:\.\d+)?)\s*(k\b)?"
PRICE = re.compile(
    rf"(?:€|\beuros?|\beur|\bbudget(?: of| is| to)?)\s*{AMOUNT}|(?<![\w.]){AMOUNT}\s*(?:€|euros?\b|eur\b)"
)
BARE_AMOUNT = re.compile(rf"(?<![\w.]){AMOUNT}")
THOUSANDS = re.compile(r"(?<=\d)[,. ](?=\d{3}\b)")
NO_PLACE = "(?!(?i:yes|no|ok|okay|hi|hello|hey|help|thanks|anywhere|somewhere|whatever|surprise|the|my|make)\\b)"
ELSEWHERE = re.compile(
    r"\b(?:(?i:actually|rather|make it),? (?:(?i:to|in) )?|(?i:go|fly|travel|trip|holiday) (?:to|in) )"
    rf"{NO_PLACE}([A-Z][a-z]+)"
)
ALONE = re.compile(rf"\s*{NO_PLACE}([A-Za-z]{{3,}}(?: [A-Z][a-z]+)?)\s*[.!]?\s*")
YES = re.compile(r"\b(yes|yep|yeah|sure|ok|okay|please do|go ahead|confirm(ed)?|book it|perfect|sounds good|fine)\b")
NO = re.compile(r"\b(no|nope|not|don't|another|other|different)\b")
STOPS = re.compile(r"\b(stop|cancel|forget it|never ?mind|call it off)\b")


def read_by_rules(text: str, asked: Asked | None, offered: Sequence[str]) -> Reading:
    """Return what the words of a message mean, given the question that they answer."""
    plain = unaccented(text).lower().replace("\u2019", "'").strip(" .!?")
    no = NO.search(plain) is not None
    agrees = None if asked != "confirm" else False if no else True if YES.search(plain) else None
    return Reading(
        place=place_in(unaccented(text), asked),
        days=days_in(plain, asked),
        budget=budget_in(plain, asked),
        hotel=hotel_in(plain, offered) if asked in ("hotel", "confirm") else None,
        agrees=agrees,
        stops=STOPS.search(plain) is not None,
    )


def place_in(text: str, asked: Asked | None) -> str | None:
    """Return the city that is named, known or not; the one named last, as in "not Kyoto, Lisbon"."""
    known = [(text.lower().rfind(name.lower()), name) for name in CITIES if name.lower() in text.lower()]
    if known:
        return max(known)[1]
    elsewhere = ELSEWHERE.search(text)
    if elsewhere:
        return elsewhere[1]
    alone = ALONE.fullmatch(text)
    return alone[1] if alone and asked == "place" else None


def days_in(plain: str, asked: Asked | None) -> int | None:
    """Return a number of days: `4 days`, `three nights`, `a week`, and a bare `4` when days were asked for."""
    if span := SPAN.search(plain):
        number = NUMBERS[span[1]] if span[1] in NUMBERS else int(span[1])
        match span[2]:
            case "week":
                return number * 7
            case "night":
                return number + 1
            case _:
                return number
    if "weekend" in plain:
        return 3
    bare = re.fullmatch(rf"(?:about |for |maybe |just )?{NUMBER}", plain) if asked == "days" else None
    return None if bare is None else NUMBERS[bare[1]] if bare[1] in NUMBERS else int(bare[1])


def budget_in(plain: str, asked: Asked | None) -> int | None:
    """Return an amount in euros: `900 EUR`, `€1,200`, `1.5k euros`, and a bare `900` when the budget was asked for."""
    text = THOUSANDS.sub("", SPAN.sub("", plain)).replace("-€", "€-")
    found = PRICE.search(text) or (BARE_AMOUNT.search(text) if asked == "budget" else None)
    if found is None:
        return None
    amount, thousand = [group for group in found.groups() if group is not None], "k" in found.groups()
    return int(float(amount[0]) * (1000 if thousand else 1))


def hotel_in(plain: str, offered: Sequence[str]) -> str | None:
    """Return the hotel that is meant: by its name or a part of it, its place in the list, or as the cheapest."""
    if "cheapest" in plain and offered:
        return offered[0]
    for number, name in enumerate(offered, start=1):
        if re.search(rf"^#?{number}$|\b(number|no\.?|option) {number}\b|\b{ORDINALS[number - 1]}\b", plain):
            return name
    named = [
        name for name in offered if any(part in plain for part in unaccented(name).lower().split() if telling(part))
    ]
    return named[0] if len(named) == 1 else None


def telling(part: str) -> bool:
    """Return whether a part of a hotel's name tells it from others."""
    return len(part) > 3 and part not in ("hotel", "house", "casa", "rooms")  # noqa: PLR2004  # skips `do`, `inn`


def unaccented(text: str) -> str:
    """Return a text without accents, so that `Reykjavík` is `Reykjavik`."""
    return "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))


def read_with(model: BaseChatModel) -> Reader:
    """Return a reader that lets a model say what the words mean, in the same form as the rules do."""
    structured = model.with_structured_output(Reading)

    def read(text: str, asked: Asked | None, offered: Sequence[str]) -> Reading:
        told = f"Asked for: {asked or 'nothing yet'}. Hotels on offer: {', '.join(offered) or 'none yet'}."
        instructions = f"Take down what a traveller says, and nothing that they do not say. {told}"
        return Reading.model_validate(structured.invoke([SystemMessage(instructions), HumanMessage(text)]))

    return read
