"""A travel planner of two agents that talk with a person over several turns.

The travel adviser settles where, how long and for how much, then hands over to the hotel adviser; whoever changes their
mind about the trip is handed back. Both share one human node: it asks the question that the active agent has put last
and returns the answer to that agent. This is the shape of
https://langchain-ai.github.io/langgraph/how-tos/multi-agent-multi-turn-convo

A node starts again from its top when its interrupt is answered. The human node therefore does nothing but ask, and all
thinking is done in the agents' own nodes, once for each answer.

The graph is exported without a checkpointer; the program that runs it adds one.

Try: `plan a holiday for me` · `4 days in Lisbon for 500 euros` · later on: `actually, Kyoto`
"""

from typing import Any, Literal, TypedDict

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, interrupt
from signoff_examples_models import real_model
from signoff_examples_places import CITIES, Hotel, cities_for, hotels_within, stay
from signoff_examples_reading import Asked, Reader, Reading, read_by_rules, read_with

Agent = Literal["travel_adviser", "hotel_adviser"]
Next = Command[Literal["travel_adviser", "hotel_adviser", "human", "__end__"]]

SHORTEST, LONGEST = 2, 14
NOT_UNDERSTOOD = "I did not understand that."
KNOWN = ", ".join(CITIES)
QUESTIONS: dict[Asked, str] = {
    "place": f"Where would you like to go? I know {KNOWN}.",
    "days": f"How many days do you have, from {SHORTEST} to {LONGEST}?",
    "budget": "How much may the hotel cost in all, in euros?",
}


class Trip(TypedDict, total=False):
    """The trip so far; its days include those of arrival and departure, its budget is in euros."""

    place: str
    days: int
    budget: int


class State(MessagesState):
    """The conversation, the trip so far, and who asked what last."""

    trip: Trip
    hotel: str | None
    asked: Asked | None
    active_agent: Agent


def said(state: State) -> str:
    """Return what the person said last."""
    return next(str(each.text) for each in reversed(state["messages"]) if isinstance(each, HumanMessage))


def speak(state: State, agent: Agent, text: str) -> AIMessage:
    """Return a message of an agent, which introduces itself when another one, or nobody, spoke before."""
    before = next((each.name for each in reversed(state["messages"]) if isinstance(each, AIMessage)), None)
    introduction = "" if before == agent else f"{agent.replace('_', ' ').capitalize()} here. "
    return AIMessage(introduction + text, name=agent)


def ask(state: State, agent: Agent, asked: Asked, text: str, **update: Any) -> Next:
    """Go to the human node with a question; the answer comes back to the agent that asks."""
    message = speak(state, agent, text)
    return Command(goto="human", update={"messages": [message], "asked": asked, "active_agent": agent, **update})


def finish(state: State, agent: Agent, text: str) -> Next:
    """End the conversation; what comes next in the thread begins a new trip."""
    afresh: dict[str, Any] = {"trip": {}, "hotel": None, "asked": None, "active_agent": "travel_adviser"}
    return Command(goto="__end__", update={"messages": [speak(state, agent, text)], **afresh})


def human(state: State) -> Command[Agent]:
    """Ask the person what the active agent asks, and give that agent the answer."""
    answer = interrupt(str(state["messages"][-1].text))
    return Command(goto=state["active_agent"], update={"messages": [HumanMessage(str(answer))]})


class Advisers:
    """The two agents, with the reader by which they understand answers."""

    def __init__(self, read: Reader) -> None:
        self._read = read

    def travel_adviser(self, state: State) -> Next:
        """Settle the place, the days and the budget, one question at a time; then hand over."""
        asked = state.get("asked")
        text = said(state)
        reading = self._read(text, asked, [])
        if reading.stops:
            return finish(state, "travel_adviser", "All right, no trip this time. Write again when you feel like one.")
        trip, wrong = noted(state.get("trip", {}), reading)
        missing = next(iter(wrong), None) or next((each for each in QUESTIONS if each not in trip), None)
        if missing is None:
            return hand_over(state, trip)
        remark = wrong.get(missing) or (not_understood(missing, text) if missing == asked else "")
        return ask(state, "travel_adviser", missing, f"{remark} {QUESTIONS[missing]}".strip(), trip=trip, hotel=None)

    def hotel_adviser(self, state: State) -> Next:
        """Offer what fits the budget, let the person choose and confirm, and write the plan."""
        trip, asked = state["trip"], state["asked"]
        hotels = hotels_within(trip["place"], trip["days"], trip["budget"])
        if asked is None:
            return offer(state, hotels)
        reading = self._read(said(state), asked, [hotel.name for hotel in hotels])
        if reading.stops:
            return finish(state, "hotel_adviser", "All right, I put nothing aside. Write again when you feel like it.")
        if reading.changes_trip():
            return Command(goto="travel_adviser", update={"active_agent": "travel_adviser"})
        chosen = next((hotel for hotel in hotels if hotel.name == reading.hotel), None)
        if chosen:
            return confirm(state, chosen)
        if asked == "confirm":
            return confirmed(state, hotels, agrees=reading.agrees)
        return offer(state, hotels, NOT_UNDERSTOOD)


def noted(trip: Trip, reading: Reading) -> tuple[Trip, dict[Asked, str]]:
    """Return the trip with what was said, and a remark for each thing that makes no sense: it is open again."""
    after: Trip = {**trip}
    wrong: dict[Asked, str] = {}
    if reading.place is not None and reading.place not in CITIES:
        wrong["place"] = f"I do not know my way around {reading.place.title()} yet."
        after.pop("place", None)
    elif reading.place is not None:
        after["place"] = reading.place
    if reading.days is not None and not SHORTEST <= reading.days <= LONGEST:
        wrong["days"] = f"I cannot plan a trip of {reading.days} days."
        after.pop("days", None)
    elif reading.days is not None:
        after["days"] = reading.days
    if reading.budget is not None and reading.budget <= 0:
        wrong["budget"] = "A budget has to be more than nothing."
        after.pop("budget", None)
    elif reading.budget is not None:
        after["budget"] = reading.budget
    return after, wrong


def not_understood(asked: Asked, text: str) -> str:
    """Return a remark on an answer that misses the question, with advice if there is any."""
    if asked == "place" and (cities := cities_for(text)):
        return f"For that I would think of {' or '.join(cities)}."
    match asked:
        case "place":
            return "That is no place that I know."
        case "days":
            return "I need a number of days, such as 4."
        case _:
            return "I need an amount, such as 600."


def hand_over(state: State, trip: Trip) -> Next:
    """Give the settled trip to the hotel adviser, who has not asked anything yet."""
    settled = (
        f"{trip['place']}, {trip['days']} days, up to {trip['budget']} EUR for the hotel. Over to the hotel adviser."
    )
    update = {"messages": [speak(state, "travel_adviser", settled)], "trip": trip, "hotel": None, "asked": None}
    return Command(goto="hotel_adviser", update={**update, "active_agent": "hotel_adviser"})


def offer(state: State, hotels: list[Hotel], remark: str = "") -> Next:
    """Ask which hotel, or for more money when none fits."""
    trip = state["trip"]
    nights = counted(trip["days"] - 1, "night")
    if not hotels:
        cheapest = CITIES[trip["place"]].hotels[0]
        text = (
            f"For {trip['budget']} EUR I find nothing for {nights} in {trip['place']}: "
            f"the cheapest is {cheapest.name} at {stay(cheapest, trip['days'])} EUR. "
            "How much may it cost? Fewer days or another place would do as well."
        )
        return ask(state, "hotel_adviser", "budget", f"{remark} {text}".strip())
    listing = "\n".join(
        f"{number}. {hotel.name}, {hotel.about}: {stay(hotel, trip['days'])} EUR"
        for number, hotel in enumerate(hotels, start=1)
    )
    text = f"For {nights} in {trip['place']} within {trip['budget']} EUR I have:\n{listing}\nWhich one do you like?"
    return ask(state, "hotel_adviser", "hotel", f"{remark} {text}".strip(), hotel=None)


def confirm(state: State, hotel: Hotel) -> Next:
    """Ask whether the chosen hotel goes into the plan."""
    days = state["trip"]["days"]
    text = f"{hotel.name}, {counted(days - 1, 'night')}, {stay(hotel, days)} EUR in all. Shall I put it into your plan?"
    return ask(state, "hotel_adviser", "confirm", text, hotel=hotel.name)


def confirmed(state: State, hotels: list[Hotel], *, agrees: bool | None) -> Next:
    """Write the plan on a yes, offer all hotels again on a no, and ask again on anything else."""
    match agrees:
        case True:
            return finish(state, "hotel_adviser", itinerary(state))
        case False:
            return offer(state, hotels, "No problem.")
        case None:
            text = f"{NOT_UNDERSTOOD} Shall I put {state['hotel']} into your plan, yes or no?"
            return ask(state, "hotel_adviser", "confirm", text)


def itinerary(state: State) -> str:
    """Return the finished plan, a line for each day."""
    trip = state["trip"]
    city = CITIES[trip["place"]]
    hotel = next(each for each in city.hotels if each.name == state["hotel"])
    between = [*city.sights, *["a day of your own"] * LONGEST][: trip["days"] - 2]
    days = [f"arrival, and a first walk around {hotel.name}", *between, "departure"]
    lines = "\n".join(f"Day {number}: {what}" for number, what in enumerate(days, start=1))
    price = stay(hotel, trip["days"])
    bill = f"Hotel: {hotel.name}, {price} EUR in all; {trip['budget'] - price} EUR of your budget are left."
    return f"Here is your plan for {city.name}.\n{lines}\n{bill} Have a good trip!"


def counted(number: int, word: str) -> str:
    """Return `1 night` or `3 nights`."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def build() -> CompiledStateGraph[Any, Any, Any, Any]:
    """Return the graph; its first node is the agent that was active last."""
    model = real_model()
    advisers = Advisers(read_with(model) if model else read_by_rules)
    builder = StateGraph(State)
    builder.add_node("travel_adviser", advisers.travel_adviser)
    builder.add_node("hotel_adviser", advisers.hotel_adviser)
    builder.add_node("human", human)
    builder.add_conditional_edges(
        START, lambda state: state.get("active_agent", "travel_adviser"), ["travel_adviser", "hotel_adviser"]
    )
    return builder.compile(name="travel")


graph = build()
