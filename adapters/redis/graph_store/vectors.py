"""Search by embeddings: exact cosine similarity in NumPy, over every item under the prefix.

Plain Redis has no index of vectors, so each search reads all vectors under its prefix; docs/store.md says from which
size on that is too slow. An item has one vector for each text that `fields` finds in it, and its score is that of its
best, as in LangGraph's InMemoryStore.

Stored vectors carry a mark of their model and size. After a change of the model the old ones are not compared with the
new: their items are found without a score until they are put again.

NumPy is an extra (`vectors`) and is imported when the first store with an index is made.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Self

from langchain_core.embeddings import Embeddings
from langgraph.store.base import IndexConfig, PutOp, ensure_embeddings, get_text_at_path, tokenize_path

from adapters.extras import install_command

_EMBED = "name a model (openai:text-embedding-3-small), or give a function or LangChain embeddings"
_MARK = 8
_FLOAT = 4


@dataclass(frozen=True, slots=True)
class VectorIndex:
    """What `index` of a store configures."""

    embeddings: Embeddings
    dims: int
    fields: tuple[str, ...]
    mark: bytes
    numpy: Any = field(repr=False)

    @classmethod
    def of(cls, config: IndexConfig) -> Self:
        """Read the configuration.

        Raises ValueError or TypeError for a wrong one, and ImportError where NumPy is missing.
        """
        dims, embed = config.get("dims"), config.get("embed")
        if not isinstance(dims, int) or isinstance(dims, bool) or dims < 1:
            raise ValueError(f"index: dims is {dims!r}: it is the number of dimensions of the model's vectors")
        if embed is None:
            raise ValueError(f"index: embed is missing: {_EMBED}")
        if not _is_model(embed):
            raise ValueError(f"index: embed is {embed!r}: {_EMBED}")
        fields = _paths(config.get("fields") or ["$"], "index: fields")
        numpy = _numpy()
        embeddings = ensure_embeddings(embed)
        mark = hashlib.sha256(f"{dims}\0{_model(embed, embeddings)}".encode()).digest()[:_MARK]
        return cls(embeddings, dims, fields, mark, numpy)

    def texts(self, op: PutOp) -> list[str]:
        """Give the texts of an item that are embedded. Raises TypeError where its `index` is no list of paths."""
        if op.value is None or op.index is False:
            return []
        paths = self.fields if op.index is None else _paths(op.index, "index of a put")
        value = dict(op.value)
        return [
            text for path in paths for text in get_text_at_path(value, path if path == "$" else tokenize_path(path))
        ]

    def checked(self, texts: Sequence[str], vectors: Sequence[Sequence[float]]) -> Mapping[str, Any]:
        """Give the vector of each text. Raises ValueError when the model gave others than it should."""
        np = self.numpy
        try:
            sizes = [len(vector) for vector in vectors]
            if len(sizes) != len(texts):
                raise ValueError(f"the embedding model gave {len(sizes)} vectors for {len(texts)} texts")
            if wrong := set(sizes) - {self.dims}:
                raise ValueError(f"the embedding model gives {wrong.pop()} dimensions, but index: dims is {self.dims}")
            with np.errstate(over="ignore"):
                matrix = np.asarray(vectors, "<f4")
        except TypeError:
            raise ValueError("the embedding model gave something else than a list of vectors") from None
        if not np.isfinite(matrix).all():
            raise ValueError("the embedding model gave a vector that holds no finite numbers")
        return dict(zip(texts, matrix, strict=True))

    def pack(self, vectors: Sequence[Any]) -> bytes:
        """Write the vectors of one item."""
        return self.mark + b"".join(vector.tobytes() for vector in vectors) if vectors else b""

    def scores(self, query: Any, stored: Sequence[bytes | None]) -> list[float | None]:
        """Compare a query with the vectors of several items; None for an item without any that can be compared."""
        np, size = self.numpy, self.dims * _FLOAT
        bodies = [raw[_MARK:] if raw and raw.startswith(self.mark) else b"" for raw in stored]
        counts = [len(body) // size for body in bodies]
        matrix = np.frombuffer(b"".join(bodies), "<f4").reshape(-1, self.dims)
        norms = np.sqrt(np.einsum("ij,ij->i", matrix, matrix)) * np.linalg.norm(query)  # without a copy of the matrix
        found = np.divide(matrix @ query, norms, out=np.zeros(len(matrix), "f4"), where=norms != 0).tolist()
        scores: list[float | None] = []
        at = 0
        for count in counts:
            scores.append(max(found[at : at + count]) if count else None)
            at += count
        return scores


def _paths(given: object, what: str) -> tuple[str, ...]:
    if not isinstance(given, list | tuple) or not all(isinstance(path, str) for path in given):
        raise TypeError(f'{what} is {given!r}: it is a list of paths, such as ["text"]')
    return tuple(given)


def _is_model(embed: object) -> bool:
    return (isinstance(embed, str) and ":" in embed) or isinstance(embed, Embeddings) or callable(embed)


def _model(embed: object, embeddings: Embeddings) -> str:
    """Name the model, by one of the names that LangChain's embeddings use; a function has none."""
    names = (getattr(embeddings, name, None) for name in ("model", "model_name", "model_id"))
    found = next((name for name in names if isinstance(name, str)), "")
    return found or (embed if isinstance(embed, str) else "")


def _numpy() -> Any:
    try:
        return import_module("numpy")
    except ImportError:
        raise ImportError(f"a store with an index needs NumPy: {install_command('vectors')}") from None
