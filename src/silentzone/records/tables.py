"""Schemas of the stored tables, as plain data; the store turns them into Arrow types.

History
-------
tokens 1, items 1, floors 1: first version.
prompts 1: first version, added beside the others.
generations 1: first version, added beside the others.
generations 2: ``token_ids`` and ``check``.
questions 1: first version, added beside the others.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a stored table."""

    name: str
    kind: str
    """``int32``, ``float64``, ``bool``, ``string``, ``dictionary``, or ``list<>`` of a number."""
    is_nullable: bool
    meaning: str


@dataclass(frozen=True, slots=True)
class TableSchema:
    """Name, version and columns of one kind of table."""

    name: str
    version: int
    columns: tuple[Column, ...]


_POSITION_METRICS = (
    Column("reference_nll", "float64", True, "-ln P(observed token), nats"),
    Column("candidate_nll", "float64", True, "-ln Q(observed token), nats"),
    Column("kl_divergence", "float64", True, "D_KL(reference || candidate), nats"),
    Column("reverse_kl_divergence", "float64", True, "D_KL(candidate || reference), nats"),
    Column("js_divergence", "float64", True, "Jensen-Shannon divergence, nats"),
    Column("total_variation", "float64", True, "half the L1 distance, [0, 1]"),
    Column("delta_p", "float64", True, "Q(observed) - P(observed)"),
    Column("reference_entropy", "float64", True, "nats"),
    Column("candidate_entropy", "float64", True, "nats"),
    Column("reference_top1_probability", "float64", True, "largest P"),
    Column("top1_match", "bool", True, "the most likely tokens are equal"),
    Column("top5_match", "bool", True, "the reference's most likely token is in the candidate's 5"),
    Column("top5_overlap", "int32", True, "tokens the two top-5 sets share, 0..5"),
    Column("reference_top1_rank", "int32", True, "1 + candidate logits above the reference's top"),
)

TOKENS = TableSchema(
    "tokens",
    1,
    (
        Column("window", "int32", False, "index of the window in the corpus as measured"),
        Column("document", "int32", True, "document of the window; null where none is known"),
        Column("position", "int32", False, "index of the predicted token inside its window"),
        Column("token_id", "int32", False, "the observed token"),
        Column("status", "dictionary", False, "ok, or why the values are null"),
        *_POSITION_METRICS,
    ),
)

FLOORS = TableSchema(
    "floors",
    1,
    (
        Column("perturbation", "dictionary", False, "uneven_batch or token_by_token"),
        Column("window", "int32", False, "index of the window in the corpus as measured"),
        Column("document", "int32", True, "document of the window; null where none is known"),
        Column("position", "int32", False, "index of the predicted token inside its window"),
        Column("token_id", "int32", False, "the observed token"),
        Column("status", "dictionary", False, "ok, or why the values are null"),
        *_POSITION_METRICS,
    ),
)

ITEMS = TableSchema(
    "items",
    1,
    (
        Column("item_id", "string", False, "unique in the benchmark"),
        Column("cluster_id", "string", True, "what is treated as independent, where not the item"),
        Column("repeat", "int32", False, "0 unless the item was asked more than once"),
        Column("status", "dictionary", False, "ok, or why the score is null"),
        Column("score", "float64", True, "0 or 1, of the benchmark's headline rule"),
        Column("score_raw", "float64", True, "1 where the largest log-likelihood is the gold's"),
        Column("score_normalized", "float64", True, "the same, per character of the choice"),
        Column(
            "prediction", "string", True, "index of the chosen answer, or what was read in a text"
        ),
        Column(
            "target", "string", True, "index of the gold answer, or what a text is held against"
        ),
        Column("choice_log_likelihoods", "list<float64>", True, "nats, one per choice"),
        Column("margin", "float64", True, "gold minus best other, of the headline rule's values"),
        Column("confidence", "float64", True, "softmax of the headline values at the prediction"),
        Column("prompt_tokens", "int32", True, "tokens of the shared prompt"),
        Column("choice_tokens", "int32", True, "tokens of all choices together"),
        Column("prompt_sha256", "string", False, "over the prompt and any choices, as asked"),
    ),
)

CHURN = TableSchema(
    "churn",
    1,
    (
        Column("item_id", "string", False, "item of the benchmark that was asked again"),
        Column("perturbation", "dictionary", False, "how the second run differed"),
        Column("status", "dictionary", False, "ok, or why the values are null"),
        Column("score", "float64", True, "score in the ordinary run"),
        Column("score_again", "float64", True, "score in the perturbed run"),
        Column("prediction", "string", True, "answer in the ordinary run, as in items"),
        Column("prediction_again", "string", True, "the same in the perturbed run"),
    ),
)

PROMPTS = TableSchema(
    "prompts",
    1,
    (
        Column("item_id", "string", False, "item of the benchmark"),
        Column("choice", "int32", False, "index of the choice whose text is followed"),
        Column("position", "int32", False, "index of the predicted token in the choice's tokens"),
        Column("token_id", "int32", False, "the choice's token there"),
        Column("status", "dictionary", False, "ok, or why the values are null"),
        *_POSITION_METRICS,
    ),
)

GENERATIONS = TableSchema(
    "generations",
    2,
    (
        Column("item_id", "string", False, "item of the benchmark"),
        Column("repeat", "int32", False, "0 unless the item was asked more than once"),
        Column("status", "dictionary", False, "as in items: ok, or why there is no score"),
        Column("text", "string", True, "what the model wrote"),
        Column("n_tokens", "int32", True, "tokens generated, without the model's end token"),
        Column("token_ids", "list<int32>", True, "these tokens"),
        Column("finish_reason", "dictionary", True, "why the text ended"),
        Column("seconds", "float64", True, "wall-clock time, beside other answers"),
        Column("error", "string", True, "what went wrong, where the status is error"),
        Column("check", "string", True, "what the checker found besides, as JSON"),
    ),
)

QUESTIONS = TableSchema(
    "questions",
    1,
    (
        Column("item_id", "string", False, "item of the benchmark"),
        Column("cluster_id", "string", True, "as in items"),
        Column("prompt", "string", False, "what was asked, as the reference read it"),
        Column("choices", "string", True, "texts of the choices, as a JSON list"),
        Column("rule", "dictionary", False, "choice, or how a written answer is judged"),
        Column("gold", "string", False, "index of the right choice, or what a text is held to"),
    ),
)

ALL = {
    schema.name: schema
    for schema in (TOKENS, FLOORS, ITEMS, CHURN, PROMPTS, GENERATIONS, QUESTIONS)
}

POSITION_METRICS = tuple(column.name for column in _POSITION_METRICS)
