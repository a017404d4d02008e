from typing import Any

import pytest
from support.example_conversations import Conversation

BROKEN = "order 1042 arrived broken, please refund"
LETTER = (
    "Dear Maya Lindqvist,\n\n"
    "thank you for telling us that your stoneware dinner set (order 1042) arrived damaged. "
    "We are refunding 135.90 EUR to your card ending in 4417. It takes 3 to 5 working days to arrive.\n\n"
    "Kind regards,\nthe Harbour Home team"
)


@pytest.fixture
def refunds() -> Conversation:
    return Conversation("refunds")


async def test_the_letter_is_revised_first(refunds: Conversation) -> None:
    await refunds.say(BROKEN)
    assert refunds.asked == {
        "task": "Review the letter to Maya Lindqvist before it is sent. "
        "Damaged goods are refunded in full, with the shipping.",
        "text_to_revise": LETTER,
    }


async def test_then_a_large_amount_is_approved_with_the_letter_as_revised(refunds: Conversation) -> None:
    await (await refunds.say(BROKEN)).answer("Dear Maya, we are so sorry.")
    assert refunds.asked == {
        "question": "Refund 135.90 EUR to Maya Lindqvist for order 1042?",
        "amount": 135.9,
        "currency": "EUR",
        "order": 1042,
        "item": "stoneware dinner set",
        "reason": "damaged",
        "policy": "Damaged goods are refunded in full, with the shipping.",
        "letter": "Dear Maya, we are so sorry.",
    }
    await refunds.answer(value=True)
    assert refunds.reply == (
        "Refund RF-1042 of 135.90 EUR is on its way to the card ending in 4417. "
        "Maya Lindqvist was sent this letter:\n\nDear Maya, we are so sorry."
    )


@pytest.mark.parametrize("answer", [False, "yes", 1, {"type": "approve"}])
async def test_nothing_but_true_pays_out(refunds: Conversation, answer: Any) -> None:
    await (await refunds.say(BROKEN)).answer(LETTER)
    await refunds.answer(answer)
    assert refunds.reply == (
        "The refund of 135.90 EUR for order 1042 was not approved. "
        "Nothing was paid, and no letter was sent to Maya Lindqvist."
    )


@pytest.mark.parametrize("answer", ["Hello Jonas", {"edited_text": "Hello Jonas"}])
async def test_a_small_amount_needs_only_the_letter(refunds: Conversation, answer: Any) -> None:
    await (await refunds.say("The apron of order 1043 came damaged")).answer(answer)
    assert refunds.reply == (
        "Refund RF-1043 of 38.90 EUR is on its way to the card ending in 0932. "
        "Jonas Weber was sent this letter:\n\nHello Jonas"
    )


@pytest.mark.parametrize("unusable", ["", "  \n", True, ["x"], {"text": "x"}, {"edited_text": 3}])
async def test_a_letter_that_is_no_text_is_asked_about_again(refunds: Conversation, unusable: Any) -> None:
    await (await refunds.say(BROKEN)).answer(unusable)
    assert refunds.asked["task"].startswith("A letter needs a text. Review the letter to Maya Lindqvist")
    assert refunds.asked["text_to_revise"] == LETTER
    await refunds.answer("Dear Maya")
    assert refunds.asked["letter"] == "Dear Maya"


async def test_a_letter_may_be_held_back(refunds: Conversation) -> None:
    await (await refunds.say("order 1044, I changed my mind")).answer(value=False)
    assert refunds.reply == (
        "The letter for order 1044 was not approved. Nothing was paid, and no letter was sent to Priya Nair."
    )


@pytest.mark.parametrize(
    ("text", "amount", "policy"),
    [
        ("1042 is not what I ordered", 135.9, "A wrong delivery is refunded in full, with the shipping."),
        ("order 1045 never arrived", 90.9, "An order that did not arrive is refunded in full, with the shipping."),
        ("order 1045 hasn\u2019t come, it's late", 90.9, "An order that did not arrive is refunded in full"),
        ("1042: I changed my mind", 129.0, "Returns within 30 days are refunded, without the shipping."),
        ("order 1042 arrived late and cracked", 135.9, "Damaged goods are refunded in full, with the shipping."),
    ],
)
async def test_the_policy_sets_the_amount(refunds: Conversation, text: str, amount: float, policy: str) -> None:
    await (await refunds.say(text)).answer("A letter")
    assert refunds.asked["amount"] == amount
    assert refunds.asked["policy"].startswith(policy)


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        (
            "order 1044: changed my mind",
            "No refund for order 1044. It arrived 41 days ago, and returns end after 30 days.",
        ),
        ("order 1043 has not arrived", "No refund for order 1043. The carrier delivered it 6 days ago"),
        ("order 1046 came late", "Refund RF-1046 of 4.90 EUR is on its way to the card ending in 3318."),
    ],
)
async def test_a_letter_goes_out_even_without_a_large_refund(refunds: Conversation, text: str, reply: str) -> None:
    await refunds.say(text)
    await refunds.answer(refunds.asked["text_to_revise"])
    assert refunds.reply.startswith(reply)
    assert "Kind regards" in refunds.reply


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("hello", "Which order is it about, and what happened? For example: order 1042 arrived broken, please refund."),
        ("order 9999 is broken", "I find no order 9999. The newest ones are 1039 to 1046."),
        ("order 1042", "What happened with order 1042, the stoneware dinner set?"),
        ("1039 is torn", "Order 1039 (wool throw, Elena Rossi) was refunded on 3 March: nothing is left to do."),
    ],
)
async def test_a_request_that_cannot_be_judged_is_answered(refunds: Conversation, text: str, reply: str) -> None:
    await refunds.say(text)
    assert refunds.reply.startswith(reply)


async def test_the_reason_may_follow_in_a_later_message(refunds: Conversation) -> None:
    await refunds.say("my order is broken")
    await refunds.say("it is 1042")
    assert refunds.asked["text_to_revise"] == LETTER


async def test_a_closed_case_does_not_colour_the_next_one(refunds: Conversation) -> None:
    await (await refunds.say("order 1043 came late")).answer("Sorry, Jonas")
    await refunds.say("and again!")
    assert refunds.reply.startswith("Which order is it about")
