"""The content of people files, and the report of their problems: file, line, key, what is wrong, how to fix it."""

from pathlib import Path

import pytest

from adapters.localslack.state.people_file import RosterError, check, load
from adapters.localslack.state.roster import BUILT_IN, HOME_TEAM, PeopleFile, widened

WHOLE = """\
people:
  - {name: zoe, guest: true}
  - name: yann
    deactivated: true
channels: [ops, {name: hidden, private: true}]
groups:
  - {handle: sre, name: Site reliability, id: S024BE7LH, members: [zoe, yann], disabled: true}
"""


def written(folder: Path, content: str) -> Path:
    file = folder / "people.yaml"
    file.write_text(content, encoding="utf-8")
    return file


def test_all_that_a_people_file_may_say(tmp_path: Path) -> None:
    roster = load(written(tmp_path, WHOLE))
    assert (roster.people[0].guest, roster.people[1].deactivated) == (True, True)
    assert [each.name for each in roster.channels] == ["ops", "hidden"]
    [group] = roster.groups
    assert (group.handle, group.id, group.members, group.disabled) == ("sre", "S024BE7LH", ["zoe", "yann"], True)
    assert load(None) is BUILT_IN


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("people: []", ":1: people: is empty. Name at least one."),
        ("people:\n  - {name: Zoe!}", ':2: people[0].name: "Zoe!" cannot be a name here. Use lower-case letters and'),
        (
            "people:\n  - {name: zoe, id: zoe}",
            ':2: people[0].id: "zoe" cannot be an id here. Write one like U024BE7LH.',
        ),
        (
            "people:\n  - {name: zoe}\nrooms: []",
            ":3: rooms: is not a key of this file. Known are: people, channels, gro",
        ),
        (
            "people:\n  - name: zoe\n    gest: true",
            ':3: people[0].gest: is not a key of this file. Did you mean "guest"?',
        ),
        ("people:\n  - {nick: zoe}", ":2: people[0].name: is missing. Add it."),
        ("people:\n  - {name: zoe, guest: perhaps}", ":2: people[0].guest: input should be a valid boolean"),
        ("people:\n  - zoe", ":2: people[0]: input should be a valid dictionary"),
        (
            "people: [{name: zoe}]\nchannels: [{name: a, members: [bob]}]",
            ':2: channels[0].members[0]: "bob" is not among',
        ),
        ("people: [{name: zoe}]\npeople: [{name: bob}]", ":2: people: stands here twice. Keep one of the two."),
        ("people:\n  - {name: zoe}\n  - {name: zoe}", ':3: people[1].name: "zoe" is taken by person 1 of this file'),
        ("people:\n  - {name: a, id: U123}\n  - {name: b, id: U123}", ':3: people[1].id: "U123" is taken by person 1'),
        ("people: [{name: a}]\nchannels:\n  - x\n  - x", ':4: channels[1].name: "x" is taken by channel 1'),
        ("people: [", ":1: is not YAML"),
        ("- zoe", ":1: holds no keys. Begin with: people: [{name: alice}]."),
        ("", ": people: is missing. Add it."),
    ],
)
def test_a_problem_is_told_with_its_line_and_how_to_fix_it(tmp_path: Path, content: str, sentence: str) -> None:
    file = written(tmp_path, content)
    with pytest.raises(RosterError) as raised:
        load(file)
    assert f"{file}{sentence}" in str(raised.value)


@pytest.mark.parametrize(
    ("group", "sentence"),
    [
        (
            "{handle: sre, members: [alise]}",
            ':4: groups[0].members[0]: "alise" is not among the people. Did you mean "alice"?',
        ),
        ("{handle: sre, members: []}", ":4: groups[0].members: is empty. Name at least one."),
        ("{handle: sre, members: alice}", ":4: groups[0].members: input should be a valid list. Write a list, such as"),
        ("{handle: sre}", ":4: groups[0].members: is missing. Add it."),
        ("{handle: '@sre', members: [alice]}", ':4: groups[0].handle: "@sre" cannot be a name here.'),
        ("{handle: alice, members: [alice]}", ':4: groups[0].handle: "alice" is taken by person 1 of this file.'),
        (
            "{handle: sre, id: U1, members: [alice]}",
            ':4: groups[0].id: "U1" cannot be an id here. Write one like S024BE7LH',
        ),
        ("{handle: sre, member: [alice]}", ':4: groups[0].member: is not a key of this file. Did you mean "members"?'),
    ],
)
def test_a_problem_of_a_group_is_told(tmp_path: Path, group: str, sentence: str) -> None:
    file = written(tmp_path, f"people:\n  - {{name: alice}}\ngroups:\n  - {group}\n")
    with pytest.raises(RosterError) as raised:
        load(file)
    assert f"{file}{sentence}" in str(raised.value)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    file = written(tmp_path, "people:\n  - {name: a, gest: 1}\n  - {name: B}\n  - {name: c}\n  - {name: c}\n")
    with pytest.raises(RosterError) as raised:
        load(file)
    assert [each.where for each in raised.value.wrong] == [f"{file}:2: people[0].gest", f"{file}:3: people[1].name"]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(RosterError, match=r"missing\.yaml: cannot be read: No such file"):
        load(tmp_path / "missing.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"people: [{name: zo\xeb}]")
    with pytest.raises(RosterError, match=r"latin\.yaml: is not UTF-8"):
        load(tmp_path / "latin.yaml")


def test_data_in_place_of_a_file_has_no_lines() -> None:
    with pytest.raises(
        RosterError, match=r'^people: groups\[0\]\.members\[0\]: "b" is not among the people\. Known are: a'
    ):
        check({"people": [{"name": "a"}], "groups": [{"handle": "sre", "members": ["b"]}]})


def test_a_demo_gets_the_groups_that_its_configuration_names() -> None:
    """All full members are in the added groups; an existing group, by handle or by id, stays as it is."""
    wide = widened(
        BUILT_IN, ["dana"], [], groups=["@sre", "S0PAYMENTS", "managers", "@S024BE7LH", "alice", "no group!"]
    )
    assert wide.groups[:2] == BUILT_IN.groups
    added = {each.handle: (each.id, each.members) for each in wide.groups[2:]}
    members = ["alice", "bob", "carol", "dana"]
    assert added == {"managers": ("", members), "s024be7lh": ("S024BE7LH", members)}
    assert {each.name for each in wide.people if each.team == HOME_TEAM} == {*members, "gina"}
    assert isinstance(PeopleFile.model_validate(wide.model_dump()), PeopleFile)


def test_a_demo_gets_the_people_whose_addresses_its_configuration_names() -> None:
    """A known address adds nobody, and a taken name is not given to a second person."""
    wide = widened(BUILT_IN, ["bob@example.com", "dana@corp.example", "Alice@corp.example"], [])
    added = {each.name: each.email for each in wide.people[len(BUILT_IN.people) :]}
    assert added == {"dana": "dana@corp.example", "alice.corp.example": "alice@corp.example"}
    assert isinstance(PeopleFile.model_validate(wide.model_dump()), PeopleFile)
