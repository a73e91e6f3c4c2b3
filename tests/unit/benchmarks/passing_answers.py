"""An answer that follows given instructions, put together without looking at the checker."""

from __future__ import annotations

import json

LANGUAGES = {
    "de": "Das ist ein Text und er ist nicht lang.",
    "es": "Esto es un texto que no es muy largo.",
    "fr": "Ce texte est pour vous et il est court.",
    "it": "Questo non è un testo lungo ma è per te.",
    "pt": "Este é um texto que não é muito longo.",
}
PLAIN = "Here is one more plain thought of the writer."


def passing_answer(instructions):
    given = {one["id"]: one["kwargs"] for one in instructions}
    if "detectable_format:constrained_response" in given:
        return "My answer is maybe."
    if "detectable_format:json_format" in given:
        return json.dumps({"text": _body(given)})
    return _ended(_shaped(given), given)


def _shaped(given):
    body = _body(given)
    if "length_constraints:number_paragraphs" in given:
        count = given["length_constraints:number_paragraphs"]["num_paragraphs"]
        return "\n***\n".join([body] * count)
    if "length_constraints:nth_paragraph_first_word" in given:
        wanted = given["length_constraints:nth_paragraph_first_word"]
        first = f"{wanted['first_word']}. {body}"
        return "\n\n".join([first] * wanted["num_paragraphs"])
    if "detectable_format:multiple_sections" in given:
        wanted = given["detectable_format:multiple_sections"]
        name, count = wanted["section_spliter"], wanted["num_sections"]
        return "\n".join(f"{name} {number + 1}\n{body}" for number in range(count))
    if "combination:two_responses" in given:
        return f"{body}\n******\n{body} {PLAIN}"
    if "combination:repeat_prompt" in given:
        return f"{given['combination:repeat_prompt']['prompt_to_repeat']}\n{body}"
    return body


def _body(given):
    sentence = LANGUAGES[given["language:response_language"]["language"]] if (
        "language:response_language" in given
    ) else PLAIN  # fmt: skip
    words = " ".join(given.get("keywords:existence", {}).get("keywords", []))
    sentences = [f"{words}.", sentence] if words else [sentence]
    wanted = given.get("keywords:frequency", {"relation": "less than"})
    if wanted["relation"] == "at least":
        sentences.append(" ".join([wanted["keyword"]] * wanted["frequency"]) + ".")
    wanted = given.get("keywords:letter_frequency", {"let_relation": "less than"})
    if wanted["let_relation"] == "at least":
        sentences.append(wanted["letter"] * wanted["let_frequency"] + ".")
    wanted = given.get("length_constraints:number_sentences", {"relation": "less than"})
    if wanted["relation"] == "at least":
        sentences += [sentence] * wanted["num_sentences"]
    wanted = given.get("length_constraints:number_words", {"relation": "less than"})
    if wanted["relation"] == "at least":
        sentences += [sentence] * (wanted["num_words"] // len(sentence.split()) + 1)
    return " ".join(sentences)


def _ended(text, given):
    lines = [text]
    if "detectable_format:title" in given:
        lines.insert(0, "<<A title>>")
    count = given.get("detectable_content:number_placeholders", {}).get("num_placeholders", 0)
    lines += ["[name]"] * count
    count = given.get("detectable_format:number_highlighted_sections", {}).get("num_highlights", 0)
    lines += ["so *it goes* on"] * count
    count = given.get("change_case:capital_word_frequency", {}).get("capital_frequency", 0)
    lines += ["LOUD"] * count
    count = given.get("detectable_format:number_bullet_lists", {}).get("num_bullets", 0)
    lines += ["* point"] * count
    if "detectable_content:postscript" in given:
        lines.append(f"{given['detectable_content:postscript']['postscript_marker']} more")
    if "startend:end_checker" in given:
        lines.append(given["startend:end_checker"]["end_phrase"])
    whole = "\n".join(lines)
    if "startend:quotation" in given:
        whole = f'"{whole}"'
    if "change_case:english_capital" in given:
        whole = whole.upper()
    if "change_case:english_lowercase" in given:
        whole = whole.lower()
    return whole
