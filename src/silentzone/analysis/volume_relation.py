"""How many answers change at a mean KLD: the relation one study measured, for other candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from silentzone.errors import InputError
from silentzone.stats.estimates import null_estimate, within
from silentzone.stats.power_law import PowerLaw, fit_power_law, predict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from silentzone.stats.results import Estimate

_METHOD = "line of log volume on log mean KLD"


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeRelation:
    """How the volume of the composite goes with mean KLD among candidates that have both."""

    law: PowerLaw | None
    why_not: str | None
    """Reason where there is no line."""
    corpus: str
    benchmark: str = "composite"

    @property
    def words(self) -> str:
        """Say what was fitted."""
        if self.law is None:
            return f"no relation of {self.benchmark} volume and mean KLD: {self.why_not}"
        return (
            f"{self.benchmark} volume goes with mean KLD on {self.corpus} to the power "
            f"{self.law.slope:.2f} over {self.law.n_points} candidates"
        )

    def volume(self, kld: float | None, *, confidence: float = 0.95) -> Estimate:
        """Predict the volume at a mean KLD, with the interval for one candidate's observed one."""
        if self.law is None:
            return null_estimate(_METHOD, str(self.why_not))
        if kld is None or not kld > 0.0:
            return null_estimate(_METHOD, "its mean KLD is not known, or not above zero")
        estimate = within(predict(self.law, kld, confidence=confidence), 0.0, 1.0)
        if estimate.value is not None and estimate.value > 1.0:
            return null_estimate(_METHOD, "the line predicts a volume above 1: too far from it")
        return estimate

    def require(self) -> None:
        """Refuse to predict without a line.

        Raises
        ------
        InputError
            Saying why there is none.
        """
        if self.law is None:
            raise InputError(
                f"the study has {self.words}.",
                hint="give the volume itself with --volume, or a study with more candidates",
            )


def relation_of(
    klds: Mapping[str, float | None],
    volumes: Mapping[str, float | None],
    *,
    corpus: str,
    benchmark: str = "composite",
) -> VolumeRelation:
    """Fit log volume on log mean KLD over the candidates that have both above zero.

    Parameters
    ----------
    klds, volumes : mapping of str to float or None
        By candidate.
    corpus, benchmark : str
        What they are of, for the words.
    """
    names = [name for name in klds if volumes.get(name) is not None and klds[name] is not None]
    fitted = fit_power_law(
        np.array([klds[name] for name in names], dtype=np.float64),
        np.array([volumes[name] for name in names], dtype=np.float64),
    )
    is_law = isinstance(fitted, PowerLaw)
    return VolumeRelation(
        law=fitted if isinstance(fitted, PowerLaw) else None,
        why_not=None if is_law else str(fitted),
        corpus=corpus,
        benchmark=benchmark,
    )
