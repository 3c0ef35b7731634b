"""Outputs as they come from the player, which nobody has to believe: kept where they are what nbformat says."""

from __future__ import annotations

from typing import Any

MAX_CHARACTERS = 4 << 20  # of one cell; the player's own shell stops far below
MAX_ALTOGETHER = 12 << 20  # of one notebook; a page of feedback shows far less
MAX_DEPTH = 50


def text(value: str) -> str:
    """The text as UTF-8 can hold it: a lone surrogate, which Python allows, becomes a question mark."""
    return value.encode("utf-8", "replace").decode()


def is_deep(value: Any, depth: int = MAX_DEPTH) -> bool:
    """Whether a JSON value is nested deeper than anything that displays: what stores it walks it recursively."""
    if isinstance(value, dict):
        value = list(value.values())
    return isinstance(value, list) and (depth == 0 or any(is_deep(item, depth - 1) for item in value))


def clean(outputs: list[Any], room: int = MAX_CHARACTERS) -> list[dict[str, Any]]:
    """The outputs that are well formed, until one is too many characters."""
    kept = []
    for output in outputs:
        cleaned = _clean(output) if isinstance(output, dict) and not is_deep(output) else None
        if cleaned is not None:
            room -= len(str(cleaned))
            if room < 0:
                break
            kept.append(cleaned)
    return kept


def _clean(output: dict[str, Any]) -> dict[str, Any] | None:
    match output:
        case {"output_type": "stream", "name": "stdout" | "stderr" as name, "text": str(printed)}:
            return {"output_type": "stream", "name": name, "text": text(printed)}
        case {"output_type": "error", "ename": str(ename), "evalue": str(evalue), "traceback": list(traceback)}:
            lines = [text(line) for line in traceback if isinstance(line, str)]
            return {"output_type": "error", "ename": text(ename), "evalue": text(evalue), "traceback": lines}
        case {"output_type": "display_data", "data": dict(data), "metadata": dict(metadata)}:
            return {"output_type": "display_data", "data": _bundle(data), "metadata": well_formed(metadata)}
        case {"output_type": "execute_result", "data": dict(data), "metadata": dict(metadata)}:
            count = output.get("execution_count")
            count = count if type(count) is int and count >= 0 else None
            found = {"data": _bundle(data), "metadata": well_formed(metadata)}
            return {"output_type": "execute_result", "execution_count": count} | found
    return None


def _bundle(data: dict[str, Any]) -> dict[str, Any]:
    """Text by media type; anything goes only where the type is JSON."""
    kept = {kind: value for kind, value in data.items() if isinstance(value, str) or kind.endswith("json")}
    return well_formed(kept)


def well_formed(value: Any) -> Any:
    """The same JSON value with every text in it as UTF-8 can hold it."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, list):
        return [well_formed(item) for item in value]
    if isinstance(value, dict):
        return {text(key): well_formed(item) for key, item in value.items()}
    return value
