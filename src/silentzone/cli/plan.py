"""``silentzone plan``: how many items, for which margin, at which volume."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from silentzone.cli.completion import complete_benchmark, complete_study
from silentzone.cli.options import Proportion, always_quiet_option, json_option
from silentzone.cli.output import MISSING, write_json, write_line, write_table
from silentzone.cli.stored import read_analysis

if TYPE_CHECKING:
    from collections.abc import Mapping

    from silentzone.analysis.contenders import DecisionRule

ALPHA = 0.025
POWER = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was typed; null where left out."""

    margin: float | None
    guard_margin: float | None
    volume: float | None
    kld: float | None
    from_path: Path | None
    corpus: str | None
    benchmark: str
    difference: float
    alpha: float | None
    power: float
    design_effect: float | None
    items: int | None

    def rule(self, margin: float) -> DecisionRule:
        """Rule of one benchmark at a margin."""
        from silentzone.analysis.contenders import DecisionRule

        return DecisionRule(
            margin=margin,
            guard_margin=margin,
            alpha=ALPHA if self.alpha is None else self.alpha,
            memory_budget_bytes=None,
        )


_MARGIN = Proportion("points")
_VOLUME = Proportion("%", low_included=True)


@click.command()
@click.argument(
    "folder",
    metavar="[DIR]",
    required=False,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    shell_complete=complete_study,
)
@click.option(
    "--margin",
    type=_MARGIN,
    help="Loss that must be ruled out, a proportion: 0.01 is one point. [default: with DIR the "
    "study's]",
)
@click.option(
    "--guard-margin",
    type=_MARGIN,
    help="With DIR: the same for each single benchmark. [default: the study's]",
)
@click.option("--volume", type=_VOLUME, help="Share of items on which the two models differ.")
@click.option(
    "--kld",
    type=click.FloatRange(min=0.0, min_open=True),
    metavar="NATS",
    help="Mean KLD instead of the volume; the relation of the two is taken from --from.",
)
@click.option(
    "--from",
    "from_path",
    type=click.Path(exists=True, path_type=Path),
    metavar="DIR_OR_ANALYSIS",
    shell_complete=complete_study,
    help="Study, or its analysis.json, whose candidates tell volume from KLD.",
)
@click.option(
    "--corpus", metavar="NAME", help="Corpus whose KLD is meant; left out, the study's first."
)
@click.option(
    "--benchmark",
    metavar="NAME",
    default="composite",
    shell_complete=complete_benchmark,
    help="Benchmark whose volume is predicted.",
)
@click.option(
    "--difference",
    type=Proportion("points", -1.0),
    default=0.0,
    help="True difference supposed, candidate less reference; negative is worse.",
)
@click.option(
    "--alpha",
    type=Proportion("%", high=0.5),
    help="One-sided error. [default: 0.025; with DIR the study's]",
)
@click.option("--power", type=Proportion("%"), default=POWER, help="Chance of showing it.")
@click.option(
    "--design-effect",
    type=click.FloatRange(min=0.0, min_open=True),
    help="Variance with clusters over that of independent items. [default: 1; with --from that of "
    "its study]",
)
@click.option(
    "--items", type=click.IntRange(min=2), metavar="N", help="Also: the margin N items resolve."
)
@json_option
@always_quiet_option
def plan(folder: Path | None, as_json: bool, **options: Any) -> None:  # noqa: ANN401 - see Asked
    """Say how many items show that a candidate is not worse than the reference.

    \b
    plan --margin 0.01 --volume 0.05              for a share of items that change
    plan --margin 0.01 --kld 0.02 --from DIR      for a mean KLD, as DIR's candidates tell it
    plan DIR                                      for every candidate of a study

    A margin is fixed before the items are seen; after a look at them a new one needs new items.
    """  # noqa: D301 - click wants the character itself
    asked = Asked(**options)
    given = [folder is not None, asked.volume is not None, asked.kld is not None]
    if sum(given) != 1:
        raise click.UsageError("give one of DIR, --volume, or --kld with --from.")
    if asked.kld is not None and asked.from_path is None:
        raise click.UsageError("--kld needs --from, the study that tells volume from KLD.")
    if folder is not None:
        _plan_study(folder, asked, as_json=as_json)
        return
    if asked.margin is None and asked.items is None:
        raise click.UsageError("give --margin, or --items for the margin they resolve.")
    if asked.volume is not None and abs(asked.difference) > asked.volume:
        raise click.UsageError(
            f"--difference {asked.difference:g} is more than --volume {asked.volume:g} can make."
        )
    _plan_volume(asked, as_json=as_json)


def _plan_volume(asked: Asked, *, as_json: bool) -> None:
    from silentzone.analysis.plan import observed_design_effect, plan_for_volume
    from silentzone.analysis.stored import StoredAnalysis
    from silentzone.stats.results import Estimate

    effect, relation = asked.design_effect, None
    if asked.kld is not None and asked.from_path is not None:
        stored = StoredAnalysis(_stored_analysis(asked.from_path))
        relation = stored.relation(asked.corpus, asked.benchmark)
        relation.require()
        volume = relation.volume(asked.kld)
        if effect is None:
            effect = observed_design_effect(stored.contenders())
    else:
        volume = Estimate(
            value=asked.volume,
            standard_error=None,
            interval=None,
            method="as given",
            n_observations=0,
            n_clusters=None,
        )
    result = plan_for_volume(
        volume,
        asked.rule(asked.margin or 0.5),
        assumed_difference=asked.difference,
        power=asked.power,
        design_effect=1.0 if effect is None else effect,
        n_items=asked.items,
    )
    result["kld_mean"] = asked.kld
    result["relation"] = None if relation is None else relation.words
    if asked.margin is None:
        result |= dict.fromkeys(
            ("margin", "items_needed", "items_interval", "items_textbook", "items_equivalence")
        )
    if as_json:
        write_json(result)
    else:
        _show_volume(result)


def _show_volume(result: Mapping[str, Any]) -> None:
    at = result["at_items"]
    interval = result["items_interval"]
    if result["margin"] is not None:
        margin = _points(result["margin"])
        ends = ("from", "to") if interval else ()
        blank = (MISSING, MISSING) if interval else ()
        write_table(
            ("to show", "items", *ends),
            [
                (
                    f"not worse by {margin}",
                    _count(result["items_needed"]),
                    *map(_count, interval or ()),
                ),
                ("the same, textbook formula", _count(result["items_textbook"]), *blank),
                (f"equal within {margin}, both sides", _count(result["items_equivalence"]), *blank),
            ],
        )
        write_line("")
    if at is not None:
        write_table(
            (f"{_count(at['items'])} items show", "margin"),
            [
                ("not worse by", _points(at["margin"])),
                ("equal within, both sides", _points(at["equivalence_margin"])),
            ],
        )
        write_line("")
    write_line(_supposed(result))
    for caution in result["volume"]["cautions"]:
        write_line(f"note: {caution}")
    if result["margin"] is not None and result["items_needed"] is None:
        write_line("note: a true difference beyond the margin cannot be shown to be within it")


def _supposed(result: Mapping[str, Any]) -> str:
    volume = result["volume"]
    share = f"volume {100 * volume['value']:.3g} %"
    if volume["interval"]:
        low, high = (f"{100 * end:.3g}" for end in volume["interval"])
        share += f" (95 % prediction interval {low} to {high} %; {result['relation']})"
    difference = result["assumed_difference"]
    supposed = "0" if difference == 0.0 else f"{100 * difference:+.3g} points"
    return (
        f"supposed: {share}, true difference {supposed}; "
        f"one-sided alpha {result['alpha']:g}, power {100 * result['power']:.3g} %, "
        f"design effect {result['design_effect']:.3g}"
    )


def _plan_study(folder: Path, asked: Asked, *, as_json: bool) -> None:
    from dataclasses import replace

    from silentzone.analysis.plan import plan_of_study
    from silentzone.analysis.stored import StoredAnalysis
    from silentzone.errors import InputError

    stored = StoredAnalysis(read_analysis(folder))
    rule = stored.rule()
    margin = rule.margin if asked.margin is None else asked.margin
    guard = rule.guard_margin if asked.guard_margin is None else asked.guard_margin
    rule = replace(
        rule,
        margin=margin,
        guard_margin=max(guard, margin),
        alpha=rule.alpha if asked.alpha is None else asked.alpha,
    )
    try:
        _, klds = stored.klds(asked.corpus)
        relation = stored.relation(asked.corpus)
    except InputError:
        if asked.corpus is not None:
            raise
        klds, relation = {}, None  # a study without texts still has its items
    rows = plan_of_study(stored.contenders(), relation, klds, rule, power=asked.power)
    if as_json:
        write_json(
            {
                "margin": rule.margin,
                "guard_margin": rule.guard_margin,
                "alpha": rule.alpha,
                "power": asked.power,
                "relation": None if relation is None else relation.words,
                "candidates": rows,
            }
        )
    else:
        _show_study(rows, rule, asked.power)


def _show_study(rows: list[dict[str, Any]], rule: DecisionRule, power: float) -> None:
    write_table(
        ("candidate", "items now", "difference", "at worst", "state", "if equal", "as seen"),
        [
            (
                str(row["model"]),
                _count(row["items_now"]),
                _signed((row["net"] or {}).get("value")),
                _signed(row["lower_bound"]),
                str(row["state"]),
                _needed(row),
                _count(row["items_as_seen"]),
            )
            for row in rows
        ],
    )
    write_line(
        f"to show a loss below {_points(rule.margin)} on the composite and below "
        f"{_points(rule.guard_margin)} on every benchmark of it: items over these benchmarks, one "
        f"candidate at a time; one-sided alpha {rule.alpha:g}, power {100 * power:.3g} %"
    )
    for row in rows:
        if row["why"]:
            write_line(f"{row['model']}: {row['why']}")


def _stored_analysis(path: Path) -> dict[str, Any]:
    if path.is_dir():
        return read_analysis(path)
    from silentzone.errors import TableError
    from silentzone.store.json_files import read_json

    analysis = read_json(path)
    if not isinstance(analysis, dict):
        raise TableError(f"`{path}` must hold a JSON object.")
    return analysis


def _needed(row: Mapping[str, Any]) -> str:
    interval = row["items_interval"]
    if interval is None:
        return _count(row["items_if_equal"])
    return f"{_count(row['items_if_equal'])} ({_count(interval[0])} to {_count(interval[1])})"


def _count(value: int | None) -> str:
    return MISSING if value is None else f"{value:,}"


def _points(share: float | None) -> str:
    if share is None:
        return MISSING
    value = f"{100 * share:.3g}"
    return f"{value} point" if value == "1" else f"{value} points"


def _signed(share: float | None) -> str:
    return MISSING if share is None else f"{100 * share:+.2f}"
