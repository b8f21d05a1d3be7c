"""Texts that generators write into their images: parameters, prompts, workflows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from freqforensics.images.testimony.statements import Statement, generator_named, printable, program_statement

_PARAMETERS: Final = re.compile(r"\bSteps: \d+.{0,400}?\b(?:Sampler|CFG scale|Seed): ", re.DOTALL)
_MODEL: Final = re.compile(r"\bModel: ([^,\n]{1,80})")
_VERSION: Final = re.compile(r"\bVersion: ([^,\n]{1,40})")
_JOB: Final = re.compile(r"\bJob ID: [0-9a-f]{8}-[0-9a-f]{4}-", re.IGNORECASE)
_NODES: Final = re.compile(r'"(?:class_type|last_node_id)"\s*:')
_INVOKE: Final = frozenset({"invokeai_metadata", "invokeai_graph", "invokeai_workflow", "sd-metadata", "dream"})
_PROGRAM_KEYS: Final = frozenset({"software", "source", "generator", "creator"})


def text_statements(source: str, texts: Sequence[tuple[str, str]]) -> Iterator[Statement]:
    """Say which generators a file's texts are of.

    Parameters
    ----------
    source : str
        As in `Statement`.
    texts : sequence of (str, str)
        Key and text of each.

    Yields
    ------
    Statement
        At most one for each text. Texts that tell no origin, such as captions, give none.
    """
    for key, text in texts:
        statement = _statement(source, key, text)
        if statement is not None:
            yield statement


def _statement(source: str, key: str, text: str) -> Statement | None:
    field, name = printable(key, longest=40), key.casefold()
    if name in _INVOKE or (name == "metadata" and "invoke-ai" in text[:4096]):
        return _made(source, field, text, "InvokeAI")
    if name in ("prompt", "workflow") or text.startswith(("prompt:{", "workflow:{")):
        return _made(source, field, text, "ComfyUI") if _NODES.search(text) else None
    if "sui_image_params" in text[:4096]:
        return _made(source, field, text, "SwarmUI")
    if name == "fooocus_scheme":
        return _made(source, field, text, "Fooocus")
    if name == "aigc":
        return _labelled(source, field, text)
    if _PARAMETERS.search(text):
        version = _VERSION.search(text)
        program = None if version is None else generator_named(version[1])
        model = _MODEL.search(text)
        generator = program or "Stable Diffusion (AUTOMATIC1111)"
        return _made(source, field, text, generator, model="" if model is None else printable(model[1], longest=80))
    if name == "description" and _JOB.search(text):
        return _made(source, field, text, "Midjourney")
    if name == "title" and text.strip() == "AI generated image":  # NovelAI's
        sentence = "The file says that it is an “AI generated image”."
        return Statement("generator", source, field, printable(text), sentence, "generator")
    if name in _PROGRAM_KEYS:
        program_named = program_statement(source, field, text)
        # What draws figures and takes screenshots signs here, too; only known names say something.
        return program_named if program_named is not None and program_named.implies == "generator" else None
    return None


def _made(source: str, field: str, text: str, generator: str, *, model: str = "") -> Statement:
    sentence = f"The file says that it was made by {generator}" + (f" with the model {model}." if model else ".")
    return Statement("generator", source, field, printable(text), sentence, "generator")


def _labelled(source: str, field: str, text: str) -> Statement:
    """Say that a file has the label of generated content that Chinese services must write (GB 45438-2025)."""
    sentence = "The file has the label of generated content (AIGC) that Chinese services write."
    return Statement("generator", source, field, printable(text), sentence, "generator")


def label_statement(source: str, text: str) -> Statement | None:
    """Say that a file has the Chinese label of generated content; None for an empty one."""
    return _labelled(source, "AIGC", text) if text else None
