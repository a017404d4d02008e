"""The shop behind the refund reviewer: its orders, and the policy by which a refund is proposed.

The orders are fixed and their age is given in days, so that the same request is always judged the same way.
Amounts are whole cents of a euro.
"""

import re
from dataclasses import dataclass
from typing import Literal, assert_never

SHOP = "Harbour Home"
# Up to here, in cents, a refund needs nobody's consent beyond a read letter.
SMALL_REFUND = 50_00
RETURN_DAYS = 30

Reason = Literal["damaged", "wrong", "missing", "late", "unwanted"]


@dataclass(frozen=True, slots=True)
class Order:
    """An order; `delivered` counts the days since it arrived, `refunded` names a day when it was paid back already."""

    number: int
    customer: str
    item: str
    price: int
    shipping: int
    card: str
    delivered: int | None
    refunded: str | None = None


ORDERS = {
    order.number: order
    for order in (
        Order(1039, "Elena Rossi", "wool throw", 72_00, 4_90, "8820", delivered=19, refunded="3 March"),
        Order(1042, "Maya Lindqvist", "stoneware dinner set", 129_00, 6_90, "4417", delivered=4),
        Order(1043, "Jonas Weber", "linen apron", 34_00, 4_90, "0932", delivered=6),
        Order(1044, "Priya Nair", "oak side table", 219_00, 14_90, "5561", delivered=41),
        Order(1045, "Tom Okafor", "cast iron pan", 84_00, 6_90, "7204", delivered=None),
        Order(1046, "Hanna Kowalska", "set of four candle holders", 42_00, 4_90, "3318", delivered=11),
    )
}

# The first that matches counts: "arrived late and broken" is about the damage.
REASONS: dict[Reason, re.Pattern[str]] = {
    "damaged": re.compile(r"\b(broke|damag|crack|smash|shatter|chipped|defect|faulty|torn\b)"),
    "wrong": re.compile(r"\b(wrong|different|not what|mixed up|instead of)\b"),
    "missing": re.compile(
        r"\b(lost|missing|nothing came)\b|(\bnever|\bnot|n't) (yet )?(arriv|c[ao]me|receiv|been deliver)"
    ),
    "late": re.compile(r"\b(late|delay|took too long)"),
    "unwanted": re.compile(r"\b(changed? (my|her|his|their) mind|return|too (big|small))|n't (want|like|need)\b"),
}
NUMBER = re.compile(r"\b(\d{4,6})\b")


@dataclass(frozen=True, slots=True)
class Proposal:
    """The refund in cents, and the sentence of the policy that decides it."""

    amount: int
    policy: str


def euros(cents: int) -> str:
    """Return an amount as it is written: `135.90 EUR`."""
    return f"{cents // 100}.{cents % 100:02} EUR"


def order_named(text: str) -> int | None:
    """Return the order number in a text, or None."""
    found = NUMBER.search(text)
    return int(found[1]) if found else None


def reason_named(text: str) -> Reason | None:
    """Return why somebody wants their money back, or None when the text does not say."""
    plain = text.lower().replace("\u2019", "'")
    return next((reason for reason, words in REASONS.items() if words.search(plain)), None)


def propose(order: Order, reason: Reason) -> Proposal:
    """Return the refund that the policy gives for an order and a reason."""
    whole = order.price + order.shipping
    match reason:
        case "damaged":
            amount, policy = whole, "Damaged goods are refunded in full, with the shipping."
        case "wrong":
            amount, policy = whole, "A wrong delivery is refunded in full, with the shipping."
        case "missing" if order.delivered is None:
            amount, policy = whole, "An order that did not arrive is refunded in full, with the shipping."
        case "missing":
            amount, policy = 0, f"The carrier delivered it {order.delivered} days ago, so we ask for their proof first."
        case "late":
            amount, policy = order.shipping, "For a late delivery the shipping is refunded."
        case "unwanted" if order.delivered is None or order.delivered <= RETURN_DAYS:
            amount, policy = order.price, f"Returns within {RETURN_DAYS} days are refunded, without the shipping."
        case "unwanted":
            amount, policy = 0, f"It arrived {order.delivered} days ago, and returns end after {RETURN_DAYS} days."
        case _:
            assert_never(reason)
    return Proposal(amount, policy)
