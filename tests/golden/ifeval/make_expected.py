"""Judge made texts with lm-evaluation-harness's IFEval rules and write expected.json.

usage: make_expected.py [--pairs N] [--answers answers.jsonl] [--out FILE]

Needs lm-eval 0.4.13 with the packages of its `ifeval` extra (langdetect, immutabledict, nltk),
and nltk's punkt_tab data (in NLTK_DATA). Nothing of silentzone is imported.
"""

import argparse
import json
import random
from importlib.metadata import version

SENTENCES = (
    "Bees make honey from the nectar of many flowers.",
    "Dr. Lee met Mr. Brown at 5 p.m. on Monday!",
    "Is the old bridge still open?",
    "We don't know yet, but we'll find out soon.",
    "The price rose by 3.5 percent, e.g. in small shops.",
    "NASA and the EU agreed on a plan.",
    "I can't wait... the garden is so green.",
    "Prices fell in the U.S. last year.",
    "Bread, milk, and eggs are cheap.",
    'She said: "Go home." and left.',
    "Take (at most) two.",
    "A well-known rule: keep it short.",
    "Rain fell all day; the river rose.",
    "What a day!!",
    "The quick test of a map is to use it.",
    "Please write to [name] at [address].",
    "My answer is yes.",
    "It's a LOW-COST idea, isn't it?",
    "Visit example.com for more.",
    "Water boils at 100 degrees.",
    "The museum opens at nine and closes at five",
)
BITS = (
    "* milk",
    "* eggs and *soft* bread",
    "- one",
    "- two",
    "-- three",
    "1. First step",
    "2. Next",
    "**bold words**",
    "*light words*",
    "* *",
    "****",
    "<<A short title>>",
    "<<>>",
    "<< >>",
    "[date]",
    "[]",
    "SECTION 1",
    "Section 2 begins",
    "SECTION3",
    "Day 1",
    "***",
    "******",
    "P.S. call me",
    "P. S. do it",
    "P.P.S write soon",
    "p.p.s. later",
    '"quoted"',
    "WARNING: HOT",
    "A B C",
    "IT'S DON'T WE'LL",
    '{"a": 1}',
    '```json\n{"b": [1, 2]}\n```',
    "```",
    "...",
    "",
    "\u201cCurly quotes.\u201d He left.",
    "caf\u00e9 na\u00efve \u00fcber",
    "\U0001f600 yes",
    "Is there anything else I can help with?",
    "Tom & Jerry, Inc. is here",
    "AND/OR YES@NO 24H",
)
FOREIGN = {
    "de": "Der Garten ist im Sommer sehr sch\u00f6n, und wir sitzen oft unter dem alten Baum. Die Kinder spielen mit dem Hund, aber sie werden bald m\u00fcde.",
    "fr": "Le jardin est tr\u00e8s beau en \u00e9t\u00e9 et nous sommes souvent sous le vieil arbre. Les enfants jouent avec le chien, mais ils ne sont pas fatigu\u00e9s.",
    "es": "El jard\u00edn es muy bonito en verano y nos gusta sentarnos bajo el \u00e1rbol. Los ni\u00f1os juegan con el perro, pero ya est\u00e1n cansados.",
    "it": "Il giardino \u00e8 molto bello in estate e ci piace stare sotto l'albero. I bambini giocano con il cane, ma sono gi\u00e0 stanchi.",
    "pt": "O jardim \u00e9 muito bonito no ver\u00e3o e n\u00f3s gostamos de ficar sob a \u00e1rvore. As crian\u00e7as brincam com o cachorro, mas j\u00e1 est\u00e3o cansadas.",
    "fi": "Puutarha on kes\u00e4ll\u00e4 hyvin kaunis ja me istumme usein vanhan puun alla. Lapset leikkiv\u00e4t koiran kanssa, mutta he ovat jo v\u00e4syneit\u00e4.",
    "pl": "Ogr\u00f3d jest latem bardzo pi\u0119kny i cz\u0119sto siedzimy pod starym drzewem. Dzieci bawi\u0105 si\u0119 z psem, ale s\u0105 ju\u017c zm\u0119czone.",
    "vi": "Khu v\u01b0\u1eddn r\u1ea5t \u0111\u1eb9p v\u00e0o m\u00f9a h\u00e8 v\u00e0 ch\u00fang t\u00f4i th\u01b0\u1eddng ng\u1ed3i d\u01b0\u1edbi c\u00e2y. Tr\u1ebb em ch\u01a1i v\u1edbi ch\u00f3 v\u00e0 \u0111\u00e3 m\u1ec7t.",
    "sw": "Bustani ni nzuri sana wakati wa kiangazi na watu hukaa chini ya mti. Watoto wanacheza na mbwa lakini wamechoka sana.",
    "ru": "\u0421\u0430\u0434 \u043e\u0447\u0435\u043d\u044c \u043a\u0440\u0430\u0441\u0438\u0432 \u043b\u0435\u0442\u043e\u043c, \u0438 \u043c\u044b \u0447\u0430\u0441\u0442\u043e \u0441\u0438\u0434\u0438\u043c \u043f\u043e\u0434 \u0434\u0435\u0440\u0435\u0432\u043e\u043c. \u0414\u0435\u0442\u0438 \u0438\u0433\u0440\u0430\u044e\u0442 \u0441 \u0441\u043e\u0431\u0430\u043a\u043e\u0439, \u043d\u043e \u043e\u043d\u0438 \u0443\u0436\u0435 \u0443\u0441\u0442\u0430\u043b\u0438.",
    "bg": "\u0413\u0440\u0430\u0434\u0438\u043d\u0430\u0442\u0430 \u0435 \u043c\u043d\u043e\u0433\u043e \u043a\u0440\u0430\u0441\u0438\u0432\u0430 \u043f\u0440\u0435\u0437 \u043b\u044f\u0442\u043e\u0442\u043e \u0438 \u043d\u0438\u0435 \u0447\u0435\u0441\u0442\u043e \u0441\u0435\u0434\u0438\u043c \u043f\u043e\u0434 \u0434\u044a\u0440\u0432\u043e\u0442\u043e. \u0414\u0435\u0446\u0430\u0442\u0430 \u0441\u0435 \u0438\u0433\u0440\u0430\u044f\u0442 \u0441 \u043a\u0443\u0447\u0435\u0442\u043e.",
    "uk": "\u0421\u0430\u0434 \u0434\u0443\u0436\u0435 \u0433\u0430\u0440\u043d\u0438\u0439 \u0432\u043b\u0456\u0442\u043a\u0443, \u0456 \u043c\u0438 \u0447\u0430\u0441\u0442\u043e \u0441\u0438\u0434\u0438\u043c\u043e \u043f\u0456\u0434 \u0434\u0435\u0440\u0435\u0432\u043e\u043c. \u0414\u0456\u0442\u0438 \u0433\u0440\u0430\u044e\u0442\u044c\u0441\u044f \u0437 \u0441\u043e\u0431\u0430\u043a\u043e\u044e.",
    "ar": "\u0627\u0644\u062d\u062f\u064a\u0642\u0629 \u062c\u0645\u064a\u0644\u0629 \u062c\u062f\u0627 \u0641\u064a \u0627\u0644\u0635\u064a\u0641 \u0648\u0646\u062d\u0646 \u0646\u062c\u0644\u0633 \u062a\u062d\u062a \u0627\u0644\u0634\u062c\u0631\u0629 \u0645\u0639 \u0627\u0644\u0623\u0637\u0641\u0627\u0644.",
    "fa": "\u0628\u0627\u063a \u062f\u0631 \u062a\u0627\u0628\u0633\u062a\u0627\u0646 \u0628\u0633\u06cc\u0627\u0631 \u0632\u06cc\u0628\u0627 \u0627\u0633\u062a \u0648 \u0645\u0627 \u0632\u06cc\u0631 \u062f\u0631\u062e\u062a \u0645\u06cc \u0646\u0634\u06cc\u0646\u06cc\u0645 \u06a9\u0647 \u0628\u0632\u0631\u06af \u0627\u0633\u062a.",
    "ur": "\u0628\u0627\u063a \u06af\u0631\u0645\u06cc\u0648\u06ba \u0645\u06cc\u06ba \u0628\u06c1\u062a \u062e\u0648\u0628\u0635\u0648\u0631\u062a \u06c1\u06d2 \u0627\u0648\u0631 \u06c1\u0645 \u062f\u0631\u062e\u062a \u06a9\u06d2 \u0646\u06cc\u0686\u06d2 \u0628\u06cc\u0679\u06be\u062a\u06d2 \u06c1\u06cc\u06ba\u06d4",
    "hi": "\u092c\u0917\u0940\u091a\u093e \u0917\u0930\u094d\u092e\u0940 \u092e\u0947\u0902 \u092c\u0939\u0941\u0924 \u0938\u0941\u0902\u0926\u0930 \u0939\u0948 \u0914\u0930 \u0939\u092e \u092a\u0947\u0921\u093c \u0915\u0947 \u0928\u0940\u091a\u0947 \u092c\u0948\u0920\u0924\u0947 \u0939\u0948\u0902\u0964",
    "mr": "\u092c\u093e\u0917 \u0909\u0928\u094d\u0939\u093e\u0933\u094d\u092f\u093e\u0924 \u0916\u0942\u092a \u0938\u0941\u0902\u0926\u0930 \u0906\u0939\u0947 \u0906\u0923\u093f \u0906\u092e\u094d\u0939\u0940 \u091d\u093e\u0921\u093e\u0916\u093e\u0932\u0940 \u092c\u0938\u0924\u094b.",
    "ne": "\u092c\u0917\u0948\u0902\u091a\u093e \u0917\u0930\u094d\u092e\u0940\u092e\u093e \u0927\u0947\u0930\u0948 \u0938\u0941\u0928\u094d\u0926\u0930 \u091b \u0930 \u0939\u093e\u092e\u0940 \u0930\u0941\u0916\u092e\u0941\u0928\u093f \u092c\u0938\u094d\u091b\u094c\u0902\u0964",
    "ko": "\uc5ec\ub984\uc5d0 \uc815\uc6d0\uc740 \ub9e4\uc6b0 \uc544\ub984\ub2f5\uace0 \uc6b0\ub9ac\ub294 \ub098\ubb34 \uc544\ub798\uc5d0 \uc549\uc2b5\ub2c8\ub2e4.",
    "th": "\u0e2a\u0e27\u0e19\u0e2a\u0e27\u0e22\u0e21\u0e32\u0e01\u0e43\u0e19\u0e24\u0e14\u0e39\u0e23\u0e49\u0e2d\u0e19\u0e41\u0e25\u0e30\u0e40\u0e23\u0e32\u0e19\u0e31\u0e48\u0e07\u0e43\u0e15\u0e49\u0e15\u0e49\u0e19\u0e44\u0e21\u0e49",
    "en": "The garden is very beautiful in summer and we often sit under the old tree. The children play with the dog, but they are tired.",
}
WORDS = (
    "honey",
    "bridge",
    "the",
    "garden",
    "plan",
    "soft",
    "river",
    "AI",
    "map",
    "short",
    "and",
    "a",
)
RELATIONS = ("at least", "less than")


def made_text(rng):
    """A text of sentences and of what the rules look for, sometimes bent."""
    kind = rng.random()
    if kind < 0.02:
        return rng.choice(("", " \n ", ".", "a", '""', "42", "null", "[1, 2]", "{}", "NaN"))
    parts = [
        rng.choice(BITS if rng.random() < 0.4 else SENTENCES) for _ in range(rng.randint(1, 9))
    ]
    if rng.random() < 0.12:
        parts = [rng.choice(list(FOREIGN.values())), *parts[: rng.randint(0, 1)]]
    text = parts[0]
    for part in parts[1:]:
        text += (
            rng.choice(
                (" ", " ", "\n", "\n\n", "\n \n", "\n***\n", " ****** ")
                if rng.random() < 0.5
                else (" ", "\n")
            )
            + part
        )
    bend = rng.random()
    if bend < 0.12:
        text = text.upper()
    elif bend < 0.24:
        text = text.lower()
    elif bend < 0.30:
        text = f'"{text}"'
    elif bend < 0.36:
        text = json.dumps({"text": text})
    elif bend < 0.42:
        text = text.replace(",", "")
    elif bend < 0.48:
        text = "Sure, here it is:\n" + text
    return text


def settings(rule, rng, text):
    """Settings of a rule, chosen so that both outcomes are common."""
    low = rng.randint(1, 4)
    word = rng.choice(WORDS)
    return {
        "keywords:existence": lambda: {"keywords": rng.sample(WORDS, rng.randint(1, 2))},
        "keywords:frequency": lambda: {
            "keyword": word,
            "frequency": low,
            "relation": rng.choice(RELATIONS),
        },
        "keywords:forbidden_words": lambda: {
            "forbidden_words": rng.sample(WORDS, rng.randint(1, 3))
        },
        "keywords:letter_frequency": lambda: {
            "letter": rng.choice("aeobqz"),
            "let_frequency": rng.randint(1, 20),
            "let_relation": rng.choice(RELATIONS),
        },
        "language:response_language": lambda: {"language": rng.choice(list(FOREIGN))},
        "length_constraints:number_sentences": lambda: {
            "num_sentences": rng.randint(2, 8),
            "relation": rng.choice(RELATIONS),
        },
        "length_constraints:number_paragraphs": lambda: {"num_paragraphs": rng.randint(1, 3)},
        "length_constraints:number_words": lambda: {
            "num_words": rng.randint(5, 60),
            "relation": rng.choice(RELATIONS),
        },
        "length_constraints:nth_paragraph_first_word": lambda: _nth(rng, text),
        "detectable_content:number_placeholders": lambda: {"num_placeholders": rng.randint(1, 3)},
        "detectable_content:postscript": lambda: {
            "postscript_marker": rng.choice(("P.S.", "P.P.S"))
        },
        "detectable_format:number_bullet_lists": lambda: {"num_bullets": rng.randint(1, 4)},
        "detectable_format:number_highlighted_sections": lambda: {
            "num_highlights": rng.randint(1, 3)
        },
        "detectable_format:multiple_sections": lambda: {
            "section_spliter": rng.choice(("SECTION", "Section", "Day")),
            "num_sections": rng.randint(1, 2),
        },
        "combination:repeat_prompt": lambda: {
            "prompt_to_repeat": text.strip()[: rng.randint(5, 40)].strip() or "x"
            if rng.random() < 0.6
            else "Say it again"
        },
        "startend:end_checker": lambda: {
            "end_phrase": text.strip()[-rng.randint(5, 40) :].strip().strip('"') or "x"
            if rng.random() < 0.6
            else "Is there anything else I can help with?"
        },
        "change_case:capital_word_frequency": lambda: {
            "capital_frequency": rng.randint(1, 6),
            "capital_relation": rng.choice(RELATIONS),
        },
    }.get(rule, dict)()


def _nth(rng, text):
    parts = [part for part in text.split("\n\n") if part.strip()] or ["x"]
    nth = rng.randint(1, len(parts))
    word = parts[nth - 1].split()[0].strip("\"'.,!?").lower() or "x"
    count = len(parts) if rng.random() < 0.7 else len(parts) + 1
    return {
        "num_paragraphs": count,
        "nth_paragraph": nth,
        "first_word": word if rng.random() < 0.8 else "the",
    }


def judged(module, rule, kwargs, text):
    """[strict, loose] of the peer; null where it raises."""
    example = module.InputExample(key=0, instruction_id_list=[rule], prompt="", kwargs=[kwargs])
    try:
        return [
            check(example, text).follow_all_instructions
            for check in (
                module.test_instruction_following_strict,
                module.test_instruction_following_loose,
            )
        ]
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:80]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=25)
    parser.add_argument("--answers")
    parser.add_argument("--out", default="expected.json")
    given = parser.parse_args()
    import langdetect

    langdetect.DetectorFactory.seed = 0
    from lm_eval.tasks.ifeval import utils
    from lm_eval.tasks.ifeval.instructions_registry import INSTRUCTION_DICT

    rng = random.Random(20260101)
    texts = [json.loads(line)["answer"] for line in open(given.answers)] if given.answers else []
    cases = []
    for rule in INSTRUCTION_DICT:
        for number in range(given.pairs):
            text = texts[number % len(texts)] if texts else made_text(rng)
            kwargs = settings(rule, rng, text)
            cases.append([rule, kwargs, text, judged(utils, rule, kwargs, text)])
    packages = {name: version(name) for name in ("lm_eval", "nltk", "langdetect")}
    with open(given.out, "w") as file:
        head = json.dumps({"peer": packages, "seed": 20260101})
        rows = ",\n".join(json.dumps(case) for case in cases)
        file.write(f'{{"made": {head},\n"cases": [\n{rows}\n]}}\n')


if __name__ == "__main__":
    main()
