"""The files that a configuration is made of, as texts: `app.yaml`, `.env`, `langgraph.json` and its `env`.

They are read from the disk, or taken as somebody else has read them: all workers of a supervisor go by the same texts,
also one that is started again after a file was changed.
"""

from collections.abc import Mapping
from pathlib import Path

from bot.config.problems import ConfigError, ConfigProblem

MISSING = "Write one, or name another with --config."


class Files:
    """Files that are read once. What is among `texts`, by path, is not read from the disk; None: there is no file."""

    def __init__(self, texts: Mapping[str, str | None] | None = None) -> None:
        self._texts = dict(texts or {})

    @property
    def texts(self) -> Mapping[str, str | None]:
        """What was read so far. It holds secrets."""
        return self._texts

    def text_of(self, file: Path, missing: str = MISSING) -> str:
        """A file's text. Raises ConfigError; `missing` is what to do where there is no file."""
        key = str(file.absolute())
        text = self._texts.get(key)
        if text is None:
            text = self._texts[key] = text_of(file, missing)
        return text

    def has(self, file: Path) -> bool:
        """Tell whether there is a file. Raises ConfigError where there is one that cannot be read."""
        key = str(file.absolute())
        if key not in self._texts:
            self._texts[key] = text_of(file) if file.is_file() else None
        return self._texts[key] is not None

    def lacks(self, file: Path) -> bool:
        """Tell whether a file was looked for, and not found."""
        return self._texts.get(str(file.absolute()), "") is None


def text_of(file: Path, missing: str = MISSING) -> str:
    """Read UTF-8, with or without a BOM. Raises ConfigError; `missing` is what to do where there is no file."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        problem = ConfigProblem(str(file), "there is no such file", missing)
    except UnicodeDecodeError as error:
        problem = ConfigProblem(str(file), f"is not UTF-8 (byte {error.start})", "Save it as UTF-8.")
    except OSError as error:
        problem = ConfigProblem(str(file), f"cannot be read: {error.strerror}", "Name a file that can be read.")
    raise ConfigError([problem])
