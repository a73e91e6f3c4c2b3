"""Texts, windows and token pairs under every segmentation hypothesis can think of."""

from __future__ import annotations

from itertools import accumulate, pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from silentzone.benchmarks.pairs import split_pair
from silentzone.corpora.text import Text
from silentzone.corpora.windows import choose_windows, document_of_tokens


@given(
    documents=st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=6),
    cuts=st.sets(st.integers(1, 200), max_size=30),
    has_marker=st.booleans(),
)
def test_a_token_lies_in_the_document_of_its_first_byte(documents, cuts, has_marker):
    documents = [document.encode("utf-8", "replace").decode() for document in documents]
    starts = tuple(accumulate(map(len, documents[:-1]), initial=0))
    content = "".join(documents).encode()
    owner = [number for number, document in enumerate(documents) for _ in document.encode()]
    edges = sorted({0, len(content), *(cut for cut in cuts if cut < len(content))})
    pieces = [content[a:b] for a, b in pairwise(edges)]
    expected = [owner[edge] for edge in edges[:-1]]
    if has_marker:
        pieces[0] = b" " + pieces[0]
    found, reason = document_of_tokens(
        pieces, Text(text="".join(documents), document_starts=starts, sha256="")
    )
    assert reason is None
    assert found is not None
    assert found.tolist() == expected


@given(
    count=st.integers(3, 400),
    context_length=st.integers(3, 40),
    windows=st.none() | st.integers(1, 50),
    select=st.sampled_from(["first", "spread"]),
)
def test_windows_are_whole_aligned_distinct_stretches(count, context_length, windows, select):
    context_length = min(context_length, count)
    chosen = choose_windows(
        np.arange(count, dtype=np.int32),
        None,
        context_length=context_length,
        windows=windows,
        select=select,
        first_scored=None,
        add_bos=False,
    )
    available = count // context_length
    assert len(chosen.indices) == min(available, windows or available)
    assert (np.diff(chosen.indices) > 0).all()
    assert (chosen.tokens[:, 0] == chosen.indices * context_length).all()
    assert (np.diff(chosen.tokens, axis=1) == 1).all()


@given(prompt=st.text(max_size=20), choice=st.text(min_size=1, max_size=20))
def test_prompt_and_continuation_of_a_character_vocabulary_are_the_whole(prompt, choice):
    pair = split_pair(lambda text: [ord(character) for character in text], prompt, choice)
    spelled = [*pair.prompt.tolist(), *pair.continuation.tolist()]
    assert "".join(map(chr, spelled)) == prompt + choice
    assert (pair.status == "empty_prompt") == (not prompt.strip())
