import pytest
from support.example_conversations import Conversation

PLACES = "Where would you like to go? I know Copenhagen, Kyoto, Lisbon, Marrakesh, Reykjavik."
DAYS = "How many days do you have, from 2 to 14?"
BUDGET = "How much may the hotel cost in all, in euros?"
LISBON = (
    "Hotel adviser here. For 3 nights in Lisbon within 500 EUR I have:\n"
    "1. Pensao Graca, family-run, with a view from the roof: 210 EUR\n"
    "2. Casa do Jardim, a quiet garden in Principe Real: 345 EUR\n"
    "Which one do you like?"
)


@pytest.fixture
def travel() -> Conversation:
    return Conversation("travel")


async def answers(travel: Conversation, *texts: str) -> None:
    for text in texts:
        await travel.answer(text)


async def at_the_hotel(travel: Conversation) -> None:
    await travel.say("4 days in Lisbon for 500 euros")


def speaker(travel: Conversation) -> str:
    return str(travel.state["messages"][-1].name)


async def test_two_agents_plan_a_trip_over_several_turns(travel: Conversation) -> None:
    await travel.say("plan a holiday for me")
    assert (travel.asked, speaker(travel)) == (f"Travel adviser here. {PLACES}", "travel_adviser")
    await travel.answer("Lisbon")
    assert (travel.asked, speaker(travel)) == (DAYS, "travel_adviser")
    await travel.answer("4")
    assert (travel.asked, speaker(travel)) == (BUDGET, "travel_adviser")
    await travel.answer("500")
    assert (travel.asked, speaker(travel)) == (LISBON, "hotel_adviser")
    await travel.answer("the second")
    assert travel.asked == "Casa do Jardim, 3 nights, 345 EUR in all. Shall I put it into your plan?"
    await travel.answer("yes please")
    assert travel.reply == (
        "Here is your plan for Lisbon.\n"
        "Day 1: arrival, and a first walk around Casa do Jardim\n"
        "Day 2: Alfama and the castle, on foot\n"
        "Day 3: Belem: the tower, the monastery and the tarts\n"
        "Day 4: departure\n"
        "Hotel: Casa do Jardim, 345 EUR in all; 155 EUR of your budget are left. Have a good trip!"
    )
    assert speaker(travel) == "hotel_adviser"


async def test_all_may_be_said_at_once(travel: Conversation) -> None:
    await at_the_hotel(travel)
    assert travel.asked == LISBON


@pytest.mark.parametrize(
    ("said", "nonsense", "remark"),
    [
        ((), "I have no idea", "That is no place that I know."),
        ((), "anywhere", "That is no place that I know."),
        ((), "Hello!", "That is no place that I know."),
        ((), "New York", "I do not know my way around New York yet."),
        ((), "Paris", "I do not know my way around Paris yet."),
        ((), "somewhere warm", "For that I would think of Lisbon or Marrakesh."),
        (("Kyoto",), "lots", "I need a number of days, such as 4."),
        (("Kyoto",), "4 or 5", "I need a number of days, such as 4."),
        (("Kyoto",), "2.5 days", "I need a number of days, such as 4."),
        (("Kyoto",), "", "I need a number of days, such as 4."),
        (("Kyoto",), "-3", "I cannot plan a trip of -3 days."),
        (("Kyoto",), "60 days", "I cannot plan a trip of 60 days."),
        (("Kyoto", "5"), "not much", "I need an amount, such as 600."),
        (("Kyoto", "5"), "-200", "A budget has to be more than nothing."),
        (("Kyoto", "5"), "-€200", "A budget has to be more than nothing."),
        (("Kyoto", "5"), "0 EUR", "A budget has to be more than nothing."),
    ],
)
async def test_an_answer_that_makes_no_sense_is_asked_again(
    travel: Conversation, said: tuple[str, ...], nonsense: str, remark: str
) -> None:
    await travel.say("plan a trip")
    await answers(travel, *said)
    question = travel.asked.removeprefix("Travel adviser here. ")
    await travel.answer(nonsense)
    assert travel.asked == f"{remark} {question}"


@pytest.mark.parametrize(
    ("days", "nights"), [("4", 3), ("four", 3), ("4 days", 3), ("three nights", 3), ("a week", 6), ("2 weeks", 13)]
)
@pytest.mark.parametrize(
    ("budget", "euros"),
    [("9000", 9000), ("€9,000", 9000), ("9 000 EUR", 9000), ("9k", 9000), ("about 9000.50 euros", 9000)],
)
async def test_numbers_may_be_written_in_many_ways(
    travel: Conversation, days: str, nights: int, budget: str, euros: int
) -> None:
    await travel.say("to Kyoto please")
    await answers(travel, days, budget)
    assert travel.asked.startswith(f"Hotel adviser here. For {nights} nights in Kyoto within {euros} EUR I have:")


@pytest.mark.parametrize(
    ("change", "question"),
    [
        ("actually, Kyoto", "Hotel adviser here. For 3 nights in Kyoto within 500 EUR I have:"),
        ("Sorry, not Lisbon, Marrakesh", "Hotel adviser here. For 3 nights in Marrakesh within 500 EUR I have:"),
        ("make it 5 days", "Hotel adviser here. For 4 nights in Lisbon within 500 EUR I have:"),
        ("my budget is 250", "Hotel adviser here. For 3 nights in Lisbon within 250 EUR I have:"),
        ("I would rather fly to Paris", f"Travel adviser here. I do not know my way around Paris yet. {PLACES}"),
        ("actually, Paris", f"Travel adviser here. I do not know my way around Paris yet. {PLACES}"),
        ("make it 40 days", f"Travel adviser here. I cannot plan a trip of 40 days. {DAYS}"),
    ],
)
@pytest.mark.parametrize("said", [(), ("1",)])
async def test_a_change_of_mind_is_handed_back_to_the_travel_adviser(
    travel: Conversation, said: tuple[str, ...], change: str, question: str
) -> None:
    await at_the_hotel(travel)
    await answers(travel, *said, change)
    assert travel.asked.startswith(question)


async def test_a_change_of_mind_before_the_hotels(travel: Conversation) -> None:
    await travel.say("a trip to Kyoto")
    await travel.answer("actually, Lisbon")
    assert travel.asked.endswith(DAYS)
    await answers(travel, "4", "500")
    assert travel.asked == LISBON


async def test_a_budget_too_small_for_any_hotel_is_asked_about(travel: Conversation) -> None:
    await travel.say("3 days in Reykjavik for 100 euros")
    assert travel.asked == (
        "Hotel adviser here. For 100 EUR I find nothing for 2 nights in Reykjavik: the cheapest is Grandi Guesthouse "
        "at 240 EUR. How much may it cost? Fewer days or another place would do as well."
    )
    await travel.answer("250")
    assert "1. Grandi Guesthouse, by the old harbour, shared kitchen: 240 EUR" in travel.asked


@pytest.mark.parametrize(
    ("answer", "hotel"),
    [
        ("1", "Pensao Graca"),
        ("cheapest", "Pensao Graca"),
        ("Casa do Jardim", "Casa do Jardim"),
        ("jardim!", "Casa do Jardim"),
    ],
)
async def test_a_hotel_may_be_named_in_many_ways(travel: Conversation, answer: str, hotel: str) -> None:
    await at_the_hotel(travel)
    await travel.answer(answer)
    assert travel.asked.startswith(f"{hotel}, 3 nights, ")


async def test_a_hotel_that_is_not_on_offer_is_asked_again(travel: Conversation) -> None:
    await at_the_hotel(travel)
    await travel.answer("the Ritz")
    assert travel.asked == LISBON.replace("Hotel adviser here.", "I did not understand that.")


async def test_a_hotel_may_be_declined_or_swapped_before_it_is_confirmed(travel: Conversation) -> None:
    await at_the_hotel(travel)
    await answers(travel, "1", "no")
    assert travel.asked == LISBON.replace("Hotel adviser here.", "No problem.")
    await answers(travel, "1", "no, the second")
    assert travel.asked.startswith("Casa do Jardim, 3 nights")
    await travel.answer("hmm")
    assert travel.asked == "I did not understand that. Shall I put Casa do Jardim into your plan, yes or no?"


@pytest.mark.parametrize("said", [(), ("1",)])
async def test_it_may_be_called_off_and_begun_again(travel: Conversation, said: tuple[str, ...]) -> None:
    await at_the_hotel(travel)
    await answers(travel, *said, "forget it")
    assert travel.reply == "All right, I put nothing aside. Write again when you feel like it."
    await travel.say("a trip to Kyoto")
    assert travel.asked.endswith(DAYS)


async def test_a_finished_plan_does_not_colour_the_next_one(travel: Conversation) -> None:
    await at_the_hotel(travel)
    await answers(travel, "1", "yes")
    await travel.say("and now Kyoto")
    assert travel.asked.endswith(DAYS)
