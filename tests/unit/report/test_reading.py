from __future__ import annotations

import pytest

from silentzone.errors import TableError
from silentzone.report.cohort import index
from silentzone.report.page import build_page


@pytest.mark.parametrize("version", [1, 3, "2", None, True, 2.5])
def test_another_schema_version_is_refused_with_a_way_out(analysis, version):
    analysis["schema_version"] = version
    with pytest.raises(TableError, match="schema_version") as caught:
        build_page(analysis)
    assert "silentzone analyze" in str(caught.value.hint)


def test_what_is_no_object_is_refused():
    with pytest.raises(TableError, match="must hold one object"):
        build_page([])


def test_a_missing_section_is_named(analysis):
    del analysis["scores"], analysis["verdicts"]
    with pytest.raises(TableError, match="`scores`, `verdicts`"):
        build_page(analysis)


def test_a_section_of_another_kind_is_refused(analysis):
    analysis["engine"] = "llama"
    with pytest.raises(TableError, match=r"`engine`.*must be an object"):
        build_page(analysis)


def test_rows_that_are_no_objects_are_refused(analysis):
    analysis["scores"] = [1, 2]
    with pytest.raises(TableError, match=r"`scores`.*list of objects"):
        build_page(analysis)


def test_two_models_of_one_name_are_refused(analysis):
    analysis["candidates"][0]["name"] = analysis["reference"]["name"]
    with pytest.raises(TableError, match="a name of its own"):
        build_page(analysis)


def test_the_zone_spoken_of_is_one_that_could_be_formed(analysis):
    for row in analysis["relations"]:
        if row["zone"] == "equivalence":
            row.update(spearman=None, members=[], n=0)
    second = {**analysis["verdicts"][1], "zone": "fidelity", "verdict": "silent"}
    analysis["verdicts"].append(second)
    assert index(analysis).zone == "fidelity"
