"""Requests, and the tokens of a batch as native code sees them."""

from __future__ import annotations

import numpy as np

from silentzone.backends.base import ContinuationRequest


def made_request(prompt, *continuations):
    return ContinuationRequest(
        np.array(prompt, np.int32), tuple(np.array(one, np.int32) for one in continuations)
    )


def batch_tokens(batch):
    """(token, position, sequences, wants output) of every token, as native code sees them."""
    native = batch.native(0, len(batch))
    return [
        (
            native.token[k],
            native.pos[k],
            tuple(native.seq_id[k][s] for s in range(native.n_seq_id[k])),
            bool(native.logits[k]),
        )
        for k in range(native.n_tokens)
    ]
