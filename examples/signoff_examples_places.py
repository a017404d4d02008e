"""The places that the travel advisers know: what to see there, and where to sleep.

Prices are whole euros for a room and night; they and the order of the sights are fixed, so that a plan is repeatable.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hotel:
    """A hotel, what it is like, and its price for a night."""

    name: str
    about: str
    night: int


@dataclass(frozen=True, slots=True)
class City:
    """A city: the wishes that it answers, its sights in the order to see them, its hotels from the cheapest on."""

    name: str
    wishes: frozenset[str]
    sights: tuple[str, ...]
    hotels: tuple[Hotel, ...]


CITIES = {
    city.name: city
    for city in (
        City(
            "Copenhagen",
            frozenset({"design", "bike", "cycling", "food", "hygge", "family"}),
            (
                "Nyhavn and a canal tour",
                "Designmuseum and the Kastellet ramparts",
                "Torvehallerne market, then Rosenborg",
                "Louisiana, by train along the coast",
                "Christianshavn by bike",
                "Tivoli in the evening",
            ),
            (
                Hotel("Vesterbro Rooms", "simple, near the station", 105),
                Hotel("Hotel Kanalen", "small rooms over the water", 165),
                Hotel("Nordhavn House", "quiet, with a sauna", 240),
            ),
        ),
        City(
            "Kyoto",
            frozenset({"temple", "temples", "garden", "gardens", "culture", "food", "quiet"}),
            (
                "Fushimi Inari before breakfast",
                "Kiyomizu-dera and the lanes of Higashiyama",
                "Arashiyama: the bamboo grove and the river",
                "Nishiki market and a tea ceremony",
                "Kinkaku-ji and the garden of Ryoan-ji",
                "the Philosopher's Path to Ginkaku-ji",
                "a day in Nara",
            ),
            (
                Hotel("Machiya Sakura", "a wooden town house with five rooms", 90),
                Hotel("Kamo River Inn", "on the river, breakfast included", 140),
                Hotel("Ryokan Matsukaze", "tatami rooms, dinner and a bath", 290),
            ),
        ),
        City(
            "Lisbon",
            frozenset({"warm", "sun", "sunny", "sea", "beach", "food", "cheap", "music"}),
            (
                "Alfama and the castle, on foot",
                "Belem: the tower, the monastery and the tarts",
                "tram 28 and an evening of fado",
                "a day in Sintra",
                "LX Factory and the river at Alcantara",
                "the beach at Cascais",
                "the tile museum",
            ),
            (
                Hotel("Pensao Graca", "family-run, with a view from the roof", 70),
                Hotel("Casa do Jardim", "a quiet garden in Principe Real", 115),
                Hotel("Palacio Tejo", "an old palace by the river", 210),
            ),
        ),
        City(
            "Marrakesh",
            frozenset({"warm", "hot", "sun", "sunny", "market", "markets", "desert", "cheap"}),
            (
                "the souks and Jemaa el-Fnaa at dusk",
                "the Bahia palace and the Saadian tombs",
                "the Majorelle garden",
                "a day in the Ourika valley",
                "a hammam and a cooking class",
                "a night walk through the kasbah",
            ),
            (
                Hotel("Riad Yasmine", "eight rooms around a courtyard", 65),
                Hotel("Dar Zitoun", "a roof terrace and a small pool", 110),
                Hotel("Palais Atlas", "gardens, and a view of the mountains", 230),
            ),
        ),
        City(
            "Reykjavik",
            frozenset({"cold", "north", "northern", "nature", "snow", "lights", "hiking", "quiet"}),
            (
                "Hallgrimskirkja and the harbour",
                "the Golden Circle: Thingvellir, Geysir, Gullfoss",
                "the Sky Lagoon",
                "the south coast as far as Vik",
                "whale watching from the old harbour",
                "Snaefellsnes",
            ),
            (
                Hotel("Grandi Guesthouse", "by the old harbour, shared kitchen", 120),
                Hotel("Hotel Esja", "in the centre, breakfast included", 185),
                Hotel("Lava House", "hot tubs and a view of the bay", 310),
            ),
        ),
    )
}


def hotels_within(place: str, days: int, budget: int) -> list[Hotel]:
    """Return the hotels whose whole stay fits the budget, the cheapest first."""
    return [hotel for hotel in CITIES[place].hotels if stay(hotel, days) <= budget]


def stay(hotel: Hotel, days: int) -> int:
    """Return what the nights of a trip cost: one night fewer than days."""
    return hotel.night * (days - 1)


def cities_for(text: str) -> list[str]:
    """Return the cities that answer a wish, such as `somewhere warm`."""
    words = set(text.lower().replace(",", " ").split())
    return [city.name for city in CITIES.values() if city.wishes & words]
