"""The bot's Slack side on a local workspace, over either transport, with a desk that records."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from fakes.patience import PATIENCE
from fakes.people import PeopledSlack
from slack_bolt.app.async_app import AsyncApp
from support.slack_samples import RecordingDesk

from adapters.slack.inbound.bolt import build_app
from adapters.slack.inbound.commands import Commands
from adapters.slack.inbound.handlers import Handlers
from adapters.slack.inbound.http import PATH, route
from adapters.slack.inbound.socket_mode import sockets
from adapters.slack.outbound.chat import SlackChat
from adapters.slack.workspace.client import PacedClient
from adapters.slack.workspace.identity import Identity, whoami
from engine.approvals.approval import Approval, Place
from engine.conversation import Conversation
from engine.ids import ChannelId, GrantId, ThreadId, UserId
from engine.ports import Snapshot, SourcePeople, TimeTravelRequest, Waiting, WorkspaceEvents
from engine.rules.grants import Grant


class NoTravel:
    """Nobody looks back."""

    async def conversations(self, channel: ChannelId, user: UserId) -> Sequence[Conversation]:
        del channel, user
        return ()

    async def snapshots(self, thread: ThreadId, by: UserId) -> Sequence[Snapshot]:
        del thread, by
        return ()

    async def request(self, trip: TimeTravelRequest) -> None:
        raise AssertionError(f"nobody can go to {trip}")


class NoChannels:
    """Remembers nothing of channels."""

    async def opened(self, channel: ChannelId, event: str) -> None:
        del channel, event

    async def closed(self, channel: ChannelId, why: str) -> None:
        del channel, why

    async def renamed(self, channel: ChannelId, name: str) -> None:
        del channel, name

    async def groups_changed(self, groups: Collection[str]) -> None:
        del groups

    def person_changed(self, user: UserId) -> None:
        del user


class NoOverview:
    """Knows of no request."""

    async def waiting_for(self, user: UserId) -> Waiting:
        del user
        return Waiting(())

    async def asked_by(self, user: UserId) -> Sequence[Approval]:
        del user
        return ()

    async def lately(self, user: UserId) -> Sequence[Approval]:
        del user
        return ()

    async def find(self, spelled: str, user: UserId) -> None:
        del spelled, user

    async def able(self, approval: Approval) -> Sequence[SourcePeople]:
        del approval
        return ()

    async def grants(self, user: UserId) -> Sequence[Grant]:
        del user
        return ()

    async def revoke(self, grant: GrantId, user: UserId) -> bool:
        del grant, user
        return False


@dataclass(frozen=True, slots=True)
class Bot:
    """The Slack side of a bot that is served."""

    slack: PeopledSlack
    client: PacedClient
    identity: Identity
    desk: RecordingDesk
    chat: SlackChat
    app: AsyncApp

    async def place(self, channel: str) -> Place:
        """A channel of the workspace, by name, or a person's direct messages with the bot (`alice`)."""
        if channel.startswith("#"):
            listed = await self.client.conversations_list(types="public_channel,private_channel")
            found = next(each["id"] for each in listed["channels"] if f"#{each['name']}" == channel)
        else:
            opened = await self.client.conversations_open(users=await self.user(channel))
            found = opened["channel"]["id"]
        return Place(self.identity.team, ChannelId(found))

    async def user(self, name: str) -> str:
        listed = await self.client.users_list()
        return str(next(each["id"] for each in listed["members"] if each["name"] == name))


@asynccontextmanager
async def over_http(app: AsyncApp, slack: PeopledSlack) -> AsyncIterator[None]:
    served = web.Application()
    served.add_routes([route(app)])
    runner = web.AppRunner(served, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        slack.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}{PATH}"
        await slack.verify_request_url()
        yield
    finally:
        await runner.cleanup()


def over(transport: str, app: AsyncApp, slack: PeopledSlack) -> AbstractAsyncContextManager[object]:
    return over_http(app, slack) if transport == "http" else sockets(app, slack.environment()["SLACK_APP_TOKEN"])


@asynccontextmanager
async def serving(
    slack: PeopledSlack,
    client: PacedClient,
    transport: str,
    patience: float = PATIENCE,
    ack_timeout: float = PATIENCE,
    channels: WorkspaceEvents | None = None,
) -> AsyncIterator[Bot]:
    identity, desk = await whoami(client), RecordingDesk()
    chat = SlackChat(client, identity.user)
    handlers = Handlers(
        client=client,
        identity=identity,
        desk=desk,
        chat=chat,
        time_travel=NoTravel(),
        channels=channels or NoChannels(),
        commands=(
            commands := Commands(client, desk, NoOverview(), help_text="*deploy*: ships services", base=identity.url)
        ),
        patience=patience,
    )
    app = await build_app(client, handlers, slack.environment()["SLACK_SIGNING_SECRET"])
    async with over(transport, app, slack):
        slack.await_acks(ack_timeout)
        yield Bot(slack, client, identity, desk, chat, app)
        await commands.aclose()
