"""A figure's numbers on disk: one JSON document per figure, computed once, stored whole with the settings that made it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from theory.records import provenance, settings_hash, to_json, write

__all__ = ["load_result", "stored"]

SCHEMA = "signescape.figure/1"


def stored(path: Path, settings: Any, compute: Callable[[], Any], seed: int | None) -> dict[str, Any]:
    """The document at ``path`` if it was made with these settings, else ``compute()``'s result, written there.

    A document has "provenance" (settings, versions, commit, machine, seed) and "data". A stored result of other
    settings is moved to older/, under its settings' hash, rather than lost.
    """
    if path.exists():
        found = load_result(path)
        if found["provenance"]["settings_hash"] == settings_hash(settings):
            return found
        older = path.parent / "older"
        older.mkdir(exist_ok=True)
        path.rename(older / f"{path.stem}-{found['provenance']['settings_hash']}.json")
    document = {"provenance": provenance(SCHEMA, settings, seed=seed), "data": compute()}
    write(path, to_json(document, indent=None))
    return load_result(path)


def load_result(path: Path | str) -> dict[str, Any]:
    """A stored document; raises ValueError where it is missing, corrupt or not ours."""
    try:
        document = json.loads(Path(path).read_text())
        schema = document["provenance"]["schema"]
    except FileNotFoundError:
        raise ValueError(f"There is no stored result at {str(path)!r}; `signescape report` makes it.") from None
    except (OSError, json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"The file {str(path)!r} is not a stored result: {error!r}.") from None
    if schema != SCHEMA:
        raise ValueError(f"The file {str(path)!r} has schema {schema!r}; this version reads {SCHEMA!r}.")
    return document
