"""The person who asked, as graphs written for LangGraph Server find them in `configurable` and in `ServerRuntime.user`.

Those graphs read the person by attribute (`user.identity`), by key (`user["identity"]`) or as a mapping, like
`langgraph_sdk.auth.types.BaseUser` and the proxy that the server makes of what an `auth` handler returns.
"""

from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from dataclasses import dataclass
from typing import Any, TypeAlias

Properties: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class AuthUser:
    """A Slack member; `identity` is their id. Slack has signed who they are, so they are authenticated."""

    identity: str

    @property
    def display_name(self) -> str:
        """The id again, as on a server whose `auth` handler gives no name."""
        return self.identity

    @property
    def is_authenticated(self) -> bool:
        """Always true."""
        return True

    @property
    def permissions(self) -> list[str]:
        """None: who may approve what is decided by the rules of app.yaml, after the graph asks."""
        return []

    def dict(self) -> Properties:
        """All properties by name."""
        return {
            "identity": self.identity,
            "display_name": self.display_name,
            "is_authenticated": self.is_authenticated,
            "permissions": self.permissions,
        }

    def model_dump(self) -> Properties:
        """The same, under the name that pydantic models have for it."""
        return self.dict()

    def __getitem__(self, name: str) -> Any:
        return self.dict()[name]

    def __contains__(self, name: object) -> bool:
        return name in self.dict()

    def __iter__(self) -> Iterator[str]:
        return iter(self.dict())

    def __len__(self) -> int:
        return len(self.dict())

    def get(self, name: str, default: Any = None) -> Any:
        """A property by name, or the default."""
        return self.dict().get(name, default)

    def keys(self) -> KeysView[str]:
        """The names of the properties."""
        return self.dict().keys()

    def values(self) -> ValuesView[Any]:
        """The properties."""
        return self.dict().values()

    def items(self) -> ItemsView[str, Any]:
        """The properties with their names."""
        return self.dict().items()
