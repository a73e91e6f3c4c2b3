"""The page on storage says what the schemas say."""

from __future__ import annotations

from pathlib import Path

import pytest

from silentzone.records.tables import ALL

PAGE = Path(__file__).parents[3] / "docs" / "storage-schema.md"


@pytest.mark.parametrize("schema", ALL.values(), ids=ALL)
def test_the_page_has_every_table_with_its_version_and_columns(schema):
    section = PAGE.read_text(encoding="utf-8").split(f"### {schema.name}, version ")[1]
    version, _, rest = section.partition("\n")
    rows = [line for line in rest.split("\n#")[0].splitlines() if line.startswith("| `")]
    assert version == str(schema.version)
    assert rows == [
        f"| `{column.name}` | `{column.kind}` | {'yes' if column.is_nullable else 'no'} | "
        f"{column.meaning.replace('|', '&#124;')} |"
        for column in schema.columns
    ]
