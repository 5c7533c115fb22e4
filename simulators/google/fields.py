"""Partial responses: the `fields` parameter (`items(id,status),nextSyncToken`), read and applied."""

from typing import Any

from simulators.google import errors

Mask = dict[str, "Mask"]
"""Empty means everything below."""


def read_mask(text: str) -> Mask:
    mask, rest = _read_list(text)
    if rest:
        raise errors.ApiError(400, "invalidParameter", f"Invalid field selection {text}", location="fields")
    return mask


def apply(mask: Mask, value: Any) -> Any:
    if not mask or "*" in mask:
        return value
    if isinstance(value, list):
        return [apply(mask, item) for item in value]
    if not isinstance(value, dict):
        return value
    return {name: apply(mask[name], member) for name, member in value.items() if name in mask}


def _read_list(text: str) -> tuple[Mask, str]:
    mask: Mask = {}
    while True:
        end = next((i for i, c in enumerate(text) if c in ",()"), len(text))
        path, text = text[:end].strip(), text[end:]
        inner: Mask = {}
        if text.startswith("("):
            inner, text = _read_list(text[1:])
            text = text.removeprefix(")")
        parts = path.split("/")
        here = mask
        for part in parts[:-1]:
            here = here.setdefault(part, {})
        here[parts[-1]] = inner
        if not text.startswith(","):
            return mask, text
        text = text[1:]
