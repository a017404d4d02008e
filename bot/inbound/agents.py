"""Chooses the agent that a message starts.

In a channel a mention starts the agent that listens there; where several listen, the first word of the message names
one. A direct message starts the one agent that takes them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.ids import AgentName, ChannelId
from engine.ports import IncomingMessage


@dataclass(frozen=True, slots=True)
class Start:
    """The agent that a message starts. `help` explains where there is none; `opening` is the text without its name."""

    agent: AgentName | None
    help: str = ""
    opening: str = ""


@dataclass(frozen=True, slots=True)
class Agents:
    """The agents that listen in each channel and in direct messages."""

    in_channels: Mapping[ChannelId, Sequence[AgentName]]
    in_direct_messages: AgentName | None
    descriptions: Mapping[AgentName, str]

    def start(self, said: IncomingMessage) -> Start:
        """Choose the agent for a message that may begin a conversation."""
        if said.direct:
            return Start(self.in_direct_messages, "" if self.in_direct_messages else _NO_DIRECT_MESSAGES)
        listening = self.in_channels.get(said.place.channel, ())
        if not listening or not said.mentioned:
            return Start(None, _elsewhere(self.in_channels))
        if len(listening) == 1:
            return Start(listening[0])
        first, _, rest = said.text.strip().partition(" ")
        named = next((agent for agent in listening if agent.lower() == first.rstrip(":,").lower()), None)
        return Start(named, opening=rest.strip()) if named else Start(None, self._choose(listening))

    def _choose(self, listening: Sequence[AgentName]) -> str:
        known = "\n".join(f"• `{agent}`: {self.descriptions.get(agent, '')}" for agent in listening)
        return f"Several agents listen here. Begin your message with the name of one:\n{known}"


_NO_DIRECT_MESSAGES = "No agent takes direct messages here. Mention me in a channel where one listens."


def _elsewhere(in_channels: Mapping[ChannelId, Sequence[AgentName]]) -> str:
    if not in_channels:
        return "No agent listens in this channel."
    channels = ", ".join(f"<#{channel}>" for channel in in_channels)
    return f"No agent listens in this channel. Mention me in {channels} instead."
