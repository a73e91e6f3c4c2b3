# ruff: noqa: RUF001 - Cyrillic sentences are meant as they stand.

from __future__ import annotations

import time

import pytest

from silentzone.benchmarks.rules import instruction_text as measured
from silentzone.benchmarks.rules.instruction_language import LANGUAGES, is_written_in
from silentzone.benchmarks.rules.instruction_rules import INSTRUCTION_RULES


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("No end", 1),
        ("One. Two! Three?", 3),
        ("Mr. Lee met Dr. No at 5 p.m. today.", 1),
        ("It costs 3.50 now. Cheap.", 2),
        ("Wait... what? Yes.", 2),
        ("Wait... What? Yes.", 3),
        ("A line\nand another\n\nwithout an end", 1),
        ('He said "Stop." Then he left.', 2),
        ("J. S. Bach wrote it. So did I. Really.", 3),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text, count):
    assert measured.sentence_count(text) == count


@pytest.mark.parametrize(
    ("text", "count"), [("a-b isn't c_d", 5), ("\u0939\u093f\u0928\u094d\u0926\u0940 ok", 2)]
)
def test_words_are_runs_of_letters_and_vowel_signs_belong_to_them(text, count):
    assert measured.word_count(text) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("* one\n  * two\n- three", 3),
        ("** strong\n*also* one", 1),
        ("\n\n   \n* one", 1),
        ("text * no\ntext - no", 0),
        ("*\n- x", 2),
    ],
)
def test_points_of_a_list_begin_their_line(text, count):
    assert measured.bullet_count(text) == count


def test_highlights_placeholders_and_titles_need_something_inside():
    assert measured.highlight_count("*a* and *b* * * **") == 2
    assert measured.highlight_count("**strong**") == 1
    assert measured.placeholder_count("[a] [b\n] [c]") == 2
    assert measured.has_title("x <<T>>")
    assert not measured.has_title("<<>>\n<< >>\n<<a\n>> >>a<<")


@pytest.mark.parametrize(
    ("text", "count"),
    [("a***b", 2), ("***a\n***\nb***", 2), ("a******b", None), ("***", 0), ("", 0), ("a", 1)],
)
def test_paragraphs_between_asterisks(text, count):
    assert measured.divided_paragraphs(text) == count


def test_words_in_capitals():
    assert measured.capital_word_count("I saw NASA, a LOW-COST Plan (U.S.) and 3D.") == 5
    assert measured.capital_word_count("DON'T") == 2


def test_the_first_word_of_a_paragraph():
    assert measured.first_word_of_paragraph("a b\n\n'Well,' c\n\n\n\n", 2) == (2, "well")
    assert measured.first_word_of_paragraph("a", 2) == (1, None)
    assert measured.first_word_of_paragraph("a\n\n\n\nb", 2) == (2, None)


SENTENCES = {
    "en": "The house is old and it was not for sale.",
    "de": "Das Haus ist alt und wird nicht verkauft.",
    "fr": "La maison est vieille et elle n'est pas à vendre.",
    "nl": "Het huis is oud en het wordt niet verkocht.",
    "ru": "Дом старый, и он не продаётся.",
    "bg": "Къщата е стара и няма да се продава.",
    "hi": "घर पुराना है और यह बेचा नहीं जाता।",
    "mr": "घर जुने आहे आणि ते विकले जात नाही.",
    "ja": "この家は古くて、売り物ではありません。",
    "ko": "이 집은 오래되어 팔지 않습니다.",
    "th": "บ้านหลังนี้เก่าและไม่ขาย",
}


@pytest.mark.parametrize("language", SENTENCES)
def test_a_sentence_is_of_its_own_language_alone(language):
    found = [code for code in LANGUAGES if is_written_in(SENTENCES[language], code)]
    assert found == [language]


def test_a_text_without_letters_is_every_languages_and_chinese_none_of_the_table():
    assert is_written_in("42!", "de")
    assert not any(is_written_in("房子很旧", code) for code in LANGUAGES)
    assert not is_written_in("qwrt zxcv plmk bnvc tyui", "en")


HOSTILE = (
    "*" * 300_000, "[" * 300_000, "<" * 300_000, "\n" * 300_000, " " * 300_000, "<<x" * 100_000,
    "." * 300_000, ". " * 150_000, "\0\ud800\udfff" * 1000, "[" * 100_000 + "]" * 100_000,
    '"' * 300_000, "***" * 100_000, "A-" * 100_000, "'" * 300_000, "(" * 300_000 + ". x",
    "Section " * 50_000, "9" * 300_000, "\n \t" * 100_000, ".\"'" * 100_000, "- " * 100_000,
)  # fmt: skip
GIVEN = {
    "count": 2, "relation": "at least", "text": "Section", "texts": ["aa", "*a"],
    "character": "a", "language": "en",
}  # fmt: skip


@pytest.mark.parametrize("rule", INSTRUCTION_RULES)
def test_no_text_makes_a_rule_fail_or_take_long(rule):
    kwargs = {name: GIVEN[kind] for name, kind in INSTRUCTION_RULES[rule].settings.items()}
    started = time.process_time()
    for text in HOSTILE:
        assert isinstance(INSTRUCTION_RULES[rule].is_met(text, kwargs), bool)
    assert time.process_time() - started < 5.0
