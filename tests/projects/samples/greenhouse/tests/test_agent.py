from agent import graph


def test_it_has_one_node():
    assert "water" in graph.nodes
