"""Reads the payload of an interrupt as an Ask, and encodes decisions as the graph expects them.

A module for each form of payload; `registry` has their order, and `checks` says why a decision cannot be sent.
Imports `adapters.langgraph.reading`, and nothing else of `adapters.langgraph`.
"""

from adapters.langgraph.dialects.base import Question, Sent
from adapters.langgraph.dialects.checks import problems
from adapters.langgraph.dialects.configured import AnswerRule, configured
from adapters.langgraph.dialects.encoded import words_may_decide
from adapters.langgraph.dialects.registry import DIALECTS, encode, read

__all__ = ["DIALECTS", "AnswerRule", "Question", "Sent", "configured", "encode", "problems", "read", "words_may_decide"]
