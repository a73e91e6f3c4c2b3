"""The model card block: Hugging Face's own library reads it and finds our numbers in it."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

import pytest
from huggingface_hub import ModelCard
from markdown_it import MarkdownIt

from silentzone.errors import InputError
from silentzone.exporters.formats import badge, model_card
from silentzone.exporters.writing import ExportOptions


def _text(form, study, **options):
    return "".join(form.FORMAT.render(study, ExportOptions(**options)).chunks)


def _data(text: str) -> Any:
    """Head of a card; its class has the attributes that the library finds in it."""
    return ModelCard(text).data


def _card(study, **options):
    return _data(_text(model_card, study, **options))


def test_the_library_gives_every_number_back(study, analysis):
    card = _card(study, model="Q8_0")
    assert card.model_name == "Q8_0"
    found = {(one.dataset_name, one.metric_type): one.metric_value for one in card.eval_results}
    for row in analysis["fidelity"]:
        if row["model"] == "Q8_0":
            metrics = row["metrics"]
            assert found[row["corpus"], "kl_divergence"] == metrics["kld_mean"]["value"]
            assert found[row["corpus"], "kl_divergence_p99"] == metrics["kld_p99"]["value"]
            assert found[row["corpus"], "top_1_agreement"] == metrics["top1_agreement"]["value"]
    for row in analysis["scores"]:
        if row["model"] == "Q8_0" and row["benchmark"] in study.benchmarks:
            assert found[row["benchmark"], "accuracy"] == row["score"]["value"]


def test_what_a_number_means_travels_with_it(study_of, analysis):
    analysis["source"] = {"kind": "study", "files": []}
    card = _card(study_of(analysis), model="Q8_0", corpus="news")
    first = card.eval_results[0]
    assert first.dataset_split == "serving"
    assert first.dataset_config == "context length 512"
    assert first.metric_args["units"] == "nats"
    assert first.metric_args["direction"] == "KL(reference||candidate)"
    assert first.metric_args["estimator"] == "full vocabulary"
    assert first.metric_args["higher_is_better"] is False
    assert first.metric_args["reference"] == "F16"
    top = next(one for one in card.eval_results if one.metric_type == "top_1_agreement")
    assert top.metric_args["higher_is_better"] is True
    assert top.metric_args["units"] == "proportion"


def test_a_lane_nobody_stated_is_not_made_up(study_of, analysis):
    analysis["source"] = {"kind": "table", "files": ["x.csv"]}
    card = _card(study_of(analysis), model="Q8_0")
    assert {one.dataset_split for one in card.eval_results} == {None}
    assert "direction" not in card.eval_results[0].metric_args


@pytest.mark.parametrize("value", [1e-05, 1.5e-05, 3e20, 0.1, 5e-324, 1.0, 123456789.123456789])
def test_a_number_survives_yaml_to_the_last_digit(study_of, analysis, value):
    analysis["fidelity"][0]["metrics"]["kld_mean"]["value"] = value
    name, corpus = analysis["fidelity"][0]["model"], analysis["fidelity"][0]["corpus"]
    card = _card(study_of(analysis), model=name, corpus=corpus)
    found = card.eval_results[0].metric_value
    assert (type(found), found) == (float, value)


def test_a_metric_without_a_value_is_left_out(study_of, analysis):
    analysis["fidelity"][0]["metrics"]["kld_mean"]["value"] = None
    name, corpus = analysis["fidelity"][0]["model"], analysis["fidelity"][0]["corpus"]
    card = _card(study_of(analysis), model=name, corpus=corpus)
    types = [one.metric_type for one in card.eval_results if one.dataset_name == corpus]
    assert "kl_divergence" not in types
    assert "kl_divergence_p99" in types


def test_the_table_says_the_same_rounded(study, analysis):
    text = _text(model_card, study, model="Q8_0", corpus="news")
    body = text.split("---\n", 2)[2]
    cell = next(
        one["metrics"]["kld_mean"]
        for one in analysis["fidelity"]
        if (one["model"], one["corpus"]) == ("Q8_0", "news")
    )
    assert f"| {cell['value']:.4g} ± {cell['standard_error']:.2g} nats |" in body


def test_every_hostile_candidate_has_a_card_that_parses_and_shows_only_text(hostile_study):
    candidates = [model for model in hostile_study.models if not model.is_reference]
    cards = 0
    for model in candidates:
        try:
            text = _text(model_card, hostile_study, model=model.name)
        except InputError as error:
            assert "neither fidelity nor scores" in str(error)  # noqa: PT017
            continue
        cards += 1
        card = _data(text)
        assert card.eval_results
        assert card.model_name
        # The pattern of the hub's own check of a card's head.
        assert all(
            re.fullmatch(r"(?:[\w-]+/)?[\w.-]+", one.dataset_type) for one in card.eval_results
        )
        assert not {"\x1b", "\x00", "\u202e"} & set(text)
        tokens = (
            MarkdownIt("commonmark", {"html": True}).enable("table").parse(ModelCard(text).text)
        )
        inline = {child.type for token in tokens for child in token.children or ()}
        blocks = {token.type for token in tokens}
        assert not {"html_inline", "link_open", "image"} & inline
        assert not {"html_block", "fence", "code_block"} & blocks
    assert cards >= 10


def test_a_candidate_must_be_named_where_there_are_several(study):
    with pytest.raises(InputError, match="name it with --model") as caught:
        _card(study)
    assert "Q8_0" in str(caught.value.hint)
    with pytest.raises(InputError, match="no candidate `F16`"):
        _card(study, model="F16")


def test_the_only_candidate_needs_no_name(study_of, analysis):
    analysis["candidates"] = analysis["candidates"][:1]
    assert _card(study_of(analysis)).model_name == analysis["candidates"][0]["name"]


def test_a_badge_says_metric_reference_value_and_corpus(study, analysis):
    line = _text(badge, study, model="Q8_0", corpus="news")
    cell = next(
        one["metrics"]["kld_mean"]
        for one in analysis["fidelity"]
        if (one["model"], one["corpus"]) == ("Q8_0", "news")
    )
    address = re.fullmatch(r"!\[.*\]\((https://img\.shields\.io/badge/\S+)\)\n", line)
    assert address is not None
    own = unquote(address[1]).removeprefix("https://img.shields.io/badge/")
    fields = [field.replace("--", "-") for field in re.split("(?<!-)-(?!-)", own)]
    said = f"{cell['value']:.3g} ± {cell['standard_error']:.1g} nats, news"
    assert fields == ["KLD vs F16", said, "blue"]


def test_the_separators_of_a_badge_are_doubled(study_of, analysis):
    analysis["reference"]["name"] = "a-b_c/d?x=1#)"
    line = _text(badge, study_of(analysis), model="Q8_0", corpus="news")
    assert "KLD%20vs%20a--b__c%2Fd%3Fx%3D1%23%29-" in line


def test_no_badge_without_a_value(study, analysis):
    with pytest.raises(InputError, match="has no mean KLD"):
        _text(badge, study, model=analysis["failures"][0]["model"])
