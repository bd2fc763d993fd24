"""Tensors and a description on disk: safetensors + JSON, written so that a kill at any moment leaves the old pair whole."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as serialise_tensors
from torch import Tensor

__all__ = ["FORMAT", "read", "write", "write_arrays", "write_text"]

FORMAT = 2


def write(
    folder: str | os.PathLike[str], name: str, description: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> None:
    """Put ``name.json`` and ``name-<hash>.safetensors`` into ``folder``.

    The tensors go first, under a name made of their contents; replacing the JSON that points to them is the one atomic
    step that makes the new pair current.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    # Copies, since a module may hold one tensor under two names, and safetensors takes each memory once.
    copies = {key: value.detach().cpu().clone(memory_format=torch.contiguous_format) for key, value in tensors.items()}
    data = serialise_tensors(copies)
    digest = hashlib.sha256(data).hexdigest()
    document = {
        "format": FORMAT,
        "probcost": version("probcost"),
        "tensors": f"{name}-{digest[:16]}.safetensors",
        "sha256": digest,
        **description,
    }
    previous = _tensor_file(target / f"{name}.json")
    _replace(target / document["tensors"], data)
    _replace(target / f"{name}.json", json.dumps(document, indent=1).encode())
    if previous not in (None, document["tensors"]):
        (target / str(previous)).unlink(missing_ok=True)


def read(folder: str | os.PathLike[str], name: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The description and the tensors that ``write`` left; nothing read here can execute code.

    Raises:
        FileNotFoundError: when there is nothing of that name.
        ValueError: for a damaged or truncated file, or one of another format version.
    """
    path = Path(folder) / f"{name}.json"
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; expected a folder written by save()")
    try:
        document = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is damaged: not JSON ({error})") from error
    if not isinstance(document, dict) or "format" not in document:
        raise ValueError(f"{path} was not written by probcost: it states no format")
    if document["format"] != FORMAT:
        raise ValueError(
            f"{path} has format {document['format']} (probcost {document.get('probcost', 'unknown')}); this is probcost "
            f"{version('probcost')}, which reads format {FORMAT}: fit again, or install that version"
        )
    tensor_path = path.parent / Path(str(document.get("tensors"))).name
    if not tensor_path.exists():
        raise ValueError(f"{path} is incomplete: {tensor_path.name} is missing beside it")
    data = tensor_path.read_bytes()
    if hashlib.sha256(data).hexdigest() != document.get("sha256"):
        raise ValueError(f"{tensor_path} is damaged or truncated: {len(data):,} bytes that do not match its checksum")
    try:
        return document, parse_tensors(data)
    except SafetensorError as error:
        raise ValueError(f"{tensor_path} is damaged: {error}") from error


def _tensor_file(path: Path) -> str | None:
    try:
        return str(json.loads(path.read_bytes())["tensors"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_arrays(path: str | os.PathLike[str], arrays: Mapping[str, Any]) -> None:
    """Put ``arrays`` into the ``.npz`` file ``path``; a kill meanwhile leaves what was there whole."""
    with _replacing(Path(path)) as file:
        np.savez_compressed(file, **arrays)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Put ``text`` into the file ``path``, as UTF-8; folders above it are made, a kill leaves what was there whole."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    _replace(target, text.encode())


def _replace(path: Path, data: bytes) -> None:
    with _replacing(path) as file:
        file.write(data)


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes the place of ``path`` in one step, once it is whole."""
    # Beside its destination, so that the move stays within one file system and is atomic.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
