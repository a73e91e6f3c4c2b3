"""A model folder: its configuration, its tensors and its identity, before anything is loaded."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from silentzone.backends.contents import hash_file
from silentzone.backends.transformers.quantization import (
    count_weights,
    method_of,
    settings_as_text,
)
from silentzone.backends.transformers.safetensors_file import FLOATS, read_tensors
from silentzone.errors import ModelFileError
from silentzone.records.models import ModelRef, text_sha256

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from silentzone.backends.transformers.safetensors_file import StoredTensor

CONFIG: Final = "config.json"
_MAX_JSON_BYTES: Final = 64 * 2**20
_PICKLES: Final = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_TOKENIZER_FILES: Final = ("tokenizer.json", "tokenizer.model", "vocab.json", "merges.txt")
_ADAPTER: Final = "adapter_config.json"
_IMPLEMENTATIONS: Final = ("attn_implementation", "experts_implementation")
_HEADS: Final = ("lm_head.weight", "embed_out.weight")
_EMBEDDINGS: Final = (
    "embed_tokens.weight",
    "wte.weight",
    "embed_in.weight",
    "word_embeddings.weight",
)


@dataclass(frozen=True)
class ModelFolder:
    """What the files of a folder say of its model; the weights have not been looked at.

    Raises
    ------
    ModelFileError
        By every property, if a file that it needs is missing, damaged, or holds pickles.
    """

    path: Path

    @cached_property
    def config(self) -> dict[str, Any]:
        """Content of ``config.json``."""
        if not (self.path / CONFIG).is_file():
            raise ModelFileError(
                f"`{self.path}` holds no `{CONFIG}`",
                hint="give the folder of a whole model as transformers saves it, or a GGUF file "
                "itself",
            )
        config = read_json(self.path / CONFIG)
        self._refuse_code_of_a_hub(config)
        return config

    @cached_property
    def text_config(self) -> dict[str, Any]:
        """The part of it that describes the language model."""
        inner = self.config.get("text_config")
        return {**self.config, **inner} if isinstance(inner, dict) else self.config

    @cached_property
    def weight_files(self) -> tuple[Path, ...]:
        """Files with the weights, in the order of their names."""
        if (self.path / _ADAPTER).exists():
            # With `peft` at hand transformers adds it to the weights, and without leaves it out.
            raise ModelFileError(
                f"`{self.path}` holds an adapter ({_ADAPTER}) beside its weights",
                hint="merge it (merge_and_unload of peft) and save the whole model, or move the "
                "adapter's files elsewhere",
            )
        whole, index = self.path / "model.safetensors", self.path / "model.safetensors.index.json"
        if whole.is_file():
            return (whole,)
        if not index.is_file():
            self._refuse_without_weights()
        listed = read_json(index).get("weight_map")
        names = set(listed.values()) if isinstance(listed, dict) else set()
        if not names or not all(
            isinstance(name, str) and re.fullmatch(r"[\w.-]{1,200}\.safetensors", name)
            for name in names
        ):
            raise ModelFileError(f"`{index}` does not list plain names of safetensors files")
        missing = sorted(name for name in names if not (self.path / name).is_file())
        if missing:
            raise ModelFileError(
                f"`{self.path}` lacks {len(missing)} of {len(names)} weight files: {missing[0]}",
                hint="put all files of a model into one folder",
            )
        return tuple(self.path / name for name in sorted(names))

    @cached_property
    def tensors(self) -> tuple[StoredTensor, ...]:
        """All tensors, file by file."""
        found = tuple(tensor for file in self.weight_files for tensor in read_tensors(file))
        if not found:
            raise ModelFileError(f"`{self.path}` holds no tensors")
        return found

    @property
    def head(self) -> StoredTensor | None:
        """Tensor of the output head, or of the embedding that stands in; null where unknown."""
        named = {ending: self._ending_in(ending) for ending in (*_HEADS, *_EMBEDDINGS)}
        own = [tensor for ending in _HEADS if (tensor := named[ending]) is not None]
        shared = [tensor for ending in _EMBEDDINGS if (tensor := named[ending]) is not None]
        if self.config.get("tie_word_embeddings") is True or not own:
            own = shared or own
        return own[0] if own else None

    @property
    def head_bias(self) -> StoredTensor | None:
        """Tensor of the output bias, where there is one."""
        return self._ending_in("lm_head.bias")

    @property
    def vocabulary_size(self) -> int:
        """Rows of the output head, those of padding included."""
        size = self.text_config.get("vocab_size")
        if type(size) is not int or not 1 <= size < 2**31:
            raise ModelFileError(f"`{self.path / CONFIG}` names no `vocab_size`")
        return size

    @property
    def dtype(self) -> str | None:
        """Type in which the model says it computes, for example ``bfloat16``."""
        named = self.text_config.get("dtype") or self.text_config.get("torch_dtype")
        return named.removeprefix("torch.") if isinstance(named, str) else None

    def chat_template(self) -> str | None:
        """Template of a conversation; null where there is none."""
        own = self.path / "chat_template.jinja"
        if own.is_file():
            return _read_bytes(own).decode("utf-8", "replace")
        for name in ("chat_template.json", "tokenizer_config.json"):
            found = self.json(name).get("chat_template")
            if isinstance(found, list):  # several by name, of which `default` is the usual one
                named = {one.get("name"): one.get("template") for one in found if type(one) is dict}
                found = named.get("default")
            if isinstance(found, str):
                return found
        return None

    def require_own_code(self) -> None:
        """Refuse settings whose code lies in another place: its content identifies nothing here.

        Only where code may run at all; otherwise transformers does not look at them.
        """
        named = self.config.get("auto_map")
        for kind in ("AutoConfig", "AutoModelForCausalLM"):
            code = named.get(kind) if isinstance(named, dict) else None
            if code is not None and "--" in json.dumps(code):
                raise ModelFileError(
                    f"`{self.path / CONFIG}` asks for code of a hub as `{kind}`: "
                    f"{json.dumps(code)[:100]}",
                    hint="put that code's files into the folder and name them without `--`, or "
                    "leave out `trust_remote_code` if transformers has the model itself",
                )

    def json(self, name: str) -> dict[str, Any]:
        """Content of a file in the folder; nothing where it is not there."""
        path = self.path / name
        return read_json(path) if path.is_file() else {}

    def _ending_in(self, ending: str) -> StoredTensor | None:
        found = [t for t in self.tensors if t.name == ending or t.name.endswith(f".{ending}")]
        return found[0] if len(found) == 1 else None

    def _refuse_code_of_a_hub(self, config: dict[str, Any]) -> None:
        """Let no settings name code that transformers would fetch and run, trusted or not."""
        parts = [config, *(part for part in config.values() if isinstance(part, dict))]
        for part in parts:
            for key in _IMPLEMENTATIONS:
                for value in (part.get(key), part.get(f"_{key}")):
                    if "/" in json.dumps(value):
                        raise ModelFileError(
                            f"`{self.path / CONFIG}` asks for code of a hub as `{key}`: "
                            f"{json.dumps(value)[:100]}",
                            hint=f"remove `{key}` from it",
                        )

    def _refuse_without_weights(self) -> None:
        pickles = [path.name for kind in _PICKLES for path in sorted(self.path.glob(kind))]
        if pickles:
            raise ModelFileError(
                f"`{self.path}` holds its weights as pickles ({pickles[0]}), which run code when "
                "they are loaded; only safetensors are read",
                hint="convert them where you trust them: load the model with transformers and "
                "save_pretrained(folder)",
            )
        raise ModelFileError(
            f"`{self.path}` holds no `model.safetensors`",
            hint="give the folder of a whole model as transformers saves it, or a GGUF file itself",
        )


def read_folder(
    path: Path, name: str, *, on_bytes: Callable[[int], None] | None = None
) -> ModelRef:
    """Identity of the model in a folder.

    Parameters
    ----------
    path : Path
        The folder.
    name : str
        Name shown to people.
    on_bytes : callable, optional
        Told after each piece how many more bytes have been hashed.

    Raises
    ------
    ModelFileError
        If a file is missing or damaged, or the weights are pickles.
    """
    folder = ModelFolder(path)
    _require_layers(folder)
    weights, counts = count_weights(folder.tensors, folder.config)
    method, head = method_of(folder.config), folder.head
    n_bytes = sum(tensor.n_bytes for tensor in folder.tensors)
    context = folder.text_config.get("max_position_embeddings", folder.text_config.get("n_ctx"))
    kind = folder.text_config.get("model_type")
    return ModelRef(
        name=name,
        sha256=_content_sha256(_deciding_files(folder), on_bytes),
        file_bytes=sum(file.stat().st_size for file in folder.weight_files),
        parameter_count=weights,
        bits_per_weight=8 * n_bytes / max(weights, 1),
        weight_format=_weight_format(counts),
        architecture=kind if isinstance(kind, str) else "unknown",
        vocabulary_size=folder.vocabulary_size,
        tokenizer_sha256=tokenizer_sha256(folder),
        head_type="unknown" if head is None else head.type,
        is_quantized=method is not None or any(name not in FLOATS for name in counts),
        shard_count=len(folder.weight_files),
        training_context_length=context if type(context) is int and context > 0 else None,
        chat_template_sha256=text_sha256(folder.chat_template()),
        provenance=_provenance(folder),
    )


def _require_layers(folder: ModelFolder) -> None:
    """Refuse settings of more layers than can be there.

    transformers would build them all before it looks, which can take hours and all memory.
    """
    layers, count = folder.text_config.get("num_hidden_layers"), len(folder.tensors)
    if type(layers) is int and layers > count:
        raise ModelFileError(
            f"`{folder.path / CONFIG}` says {layers} layers, and the weights are {count} tensors",
            hint="the files may be damaged or not belong together",
        )


def tokenizer_sha256(folder: ModelFolder) -> str:
    """Hash over the files that decide an encoding."""
    files = [folder.path / name for name in _TOKENIZER_FILES]
    here = [file for file in files if file.is_file()]
    if not here:
        raise ModelFileError(
            f"`{folder.path}` holds no tokenizer (tokenizer.json)",
            hint="save the tokenizer into the folder of the model",
        )
    # what the other files say is in tokenizer.json as well
    habits = {key: folder.json("tokenizer_config.json").get(key) for key in ("add_bos_token",)}
    digest = hashlib.sha256(json.dumps(habits, sort_keys=True).encode())
    digest.update(_content_sha256(here[:1] if here[0] == files[0] else here, None).encode())
    return digest.hexdigest()


def read_json(path: Path) -> dict[str, Any]:
    """Table in a JSON file.

    Raises
    ------
    ModelFileError
        If it cannot be read, is too large, or holds something else.
    """
    text = _read_bytes(path)
    try:
        content = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"`{path}` is not JSON") from error
    if not isinstance(content, dict):
        raise ModelFileError(f"`{path}` does not hold a table")
    return content


def _read_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_JSON_BYTES + 1)
    except OSError as error:
        raise ModelFileError(f"`{path}` cannot be read: {error}") from error
    if len(content) > _MAX_JSON_BYTES:
        raise ModelFileError(f"`{path}` is larger than {_MAX_JSON_BYTES} bytes")
    return content


def _deciding_files(folder: ModelFolder) -> list[Path]:
    """Files that decide a logit: the weights, what they are, and code that comes with them."""
    code = sorted(folder.path.glob("*.py"))
    return [folder.path / CONFIG, *folder.weight_files, *code]


def _content_sha256(files: Iterable[Path], on_bytes: Callable[[int], None] | None) -> str:
    digest = hashlib.sha256()
    for path in files:
        try:
            digest.update(f"{path.name} {path.stat().st_size}\n".encode())
        except OSError as error:
            raise ModelFileError(f"`{path}` cannot be read: {error}") from error
        hash_file(digest, path, on_bytes)
    return digest.hexdigest()


def _weight_format(counts: Counter[str]) -> str:
    """Types by share of the weights, largest first; what rounds to 0 % is left out."""
    total = counts.total()
    shares = [(name, round(100 * count / total)) for name, count in counts.most_common()]
    shown = [(name, share) for name, share in shares if share]
    return (
        shown[0][0] if len(shown) == 1 else ", ".join(f"{name} {share} %" for name, share in shown)
    )


def _provenance(folder: ModelFolder) -> tuple[tuple[str, str], ...]:
    shown = list(settings_as_text(folder.config))
    if "auto_map" in folder.config:
        shown.append(("code", "comes with code of its own (auto_map)"))
    return tuple(sorted(shown))
