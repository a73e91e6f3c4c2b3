"use strict";
// What the page does by itself: tables sort and copy, drawings are saved, changed answers are shown.
// Everything from the study goes through textContent; nothing is ever parsed as markup.
(() => {
  const make = (name, attributes, ...children) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (key === "onclick") element.addEventListener("click", value);
      else if (value === true) element.setAttribute(key, "");
      else if (value !== false && value !== null) element.setAttribute(key, value);
    }
    element.append(...children.filter((child) => child !== null));
    return element;
  };
  const say = (text) => { document.getElementById("status").textContent = text; };

  // ---- Saving -------------------------------------------------------------------------------
  const save = (address, name) => {
    const link = make("a", { href: address, download: name, hidden: true });
    document.body.append(link);
    link.click();
    link.remove();
  };
  const base64 = (text) => {
    const bytes = new TextEncoder().encode(text);
    let binary = "";
    for (const byte of bytes) binary += String.fromCharCode(byte);
    return btoa(binary);
  };

  // ---- Tables -------------------------------------------------------------------------------
  const UNITS = { kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };
  const words = (cell) => {
    const main = cell.querySelector("bdi");
    return (main || cell).textContent.trim();
  };
  const numberOf = (text) => {
    const plain = text.replace(/\u2212/g, "-").replace(/[\u202f\u2009\u00a0, ]/g, "");
    const found = plain.match(/[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?/i);
    if (!found) return NaN;
    const unit = plain.match(/(kB|MB|GB|TB)$/);
    return Number(found[0]) * (unit ? UNITS[unit[1]] : 1);
  };
  const compare = (a, b, numeric) => {
    if (!numeric) return a.localeCompare(b, "en", { numeric: true });
    const [x, y] = [numberOf(a), numberOf(b)];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
    return x - y;
  };
  const sortable = (table) => {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    if (rows.length < 3 || rows.some((row) => row.querySelector("[colspan]"))) return;
    [...table.tHead.rows[0].cells].forEach((header, column) => {
      const numeric = rows.every((row) => row.cells[column].classList.contains("number"));
      const button = make("button", { type: "button", class: "sort" });
      button.append(...header.childNodes);
      header.append(button);
      button.addEventListener("click", () => {
        const up = header.getAttribute("aria-sort") !== "ascending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        header.setAttribute("aria-sort", up ? "ascending" : "descending");
        const missing = (row) => numeric && Number.isNaN(numberOf(words(row.cells[column])));
        const sorted = [...body.rows].sort((one, other) => {
          if (missing(one) !== missing(other)) return missing(one) - missing(other);
          const order = compare(words(one.cells[column]), words(other.cells[column]), numeric);
          return up ? order : -order;
        });
        body.append(...sorted);
      });
    });
  };
  // A spreadsheet would run a text that begins like a formula.
  const field = (cell) => {
    const lines = [words(cell), ...[...cell.querySelectorAll("small")].map((e) => e.textContent)];
    let text = lines.map((line) => line.trim()).filter(Boolean).join(" ").replace(/\u2212/g, "-");
    if (/^[=+\-@\t\r]/.test(text) && !/^[-+]?[\d.]+(\s|$|%)/.test(text)) text = "'" + text;
    return /[",\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  };
  const csvOf = (table) => [table.tHead.rows[0], ...table.tBodies[0].rows]
    .map((row) => [...row.cells].map(field).join(",")).join("\r\n") + "\r\n";
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = make("textarea", { "aria-hidden": "true", class: "off" });
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
  };
  for (const table of document.querySelectorAll("main table")) {
    sortable(table);
    const name = table.caption.textContent.trim();
    table.closest(".scroll").after(make("p", { class: "tools" },
      make("button", {
        type: "button",
        "aria-label": `Copy as CSV: ${name}`,
        onclick: async () => { await copy(csvOf(table)); say(`Copied: ${name}`); },
      }, "Copy as CSV"),
      make("button", {
        type: "button",
        "aria-label": `Save as CSV: ${name}`,
        onclick: () => save(`data:text/csv;base64,${base64(csvOf(table))}`, `${table.id}.csv`),
      }, "Save as CSV")));
  }

  // ---- Drawings -----------------------------------------------------------------------------
  const standalone = (svg) => {
    const look = getComputedStyle(document.documentElement);
    const own = svg.cloneNode(true);
    const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
    for (const element of own.querySelectorAll("*")) {
      for (const key of ["fill", "stroke"]) {
        const found = /^var\((--[a-z]+)\)$/.exec(element.getAttribute(key) || "");
        if (found) element.setAttribute(key, look.getPropertyValue(found[1]).trim());
      }
    }
    own.setAttribute("width", width);
    own.setAttribute("height", height);
    own.setAttribute("font-family", "sans-serif");
    const back = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [key, value] of Object.entries({
      width, height, fill: look.getPropertyValue("--page").trim(),
    })) back.setAttribute(key, value);
    own.prepend(back);
    const text = `data:image/svg+xml;base64,${base64(new XMLSerializer().serializeToString(own))}`;
    return { text, width, height };
  };
  const savePng = ({ text, width, height }, name) => {
    const image = new Image();
    image.addEventListener("load", () => {
      const canvas = make("canvas", { width: 3 * width, height: 3 * height });
      canvas.getContext("2d").drawImage(image, 0, 0, 3 * width, 3 * height);
      save(canvas.toDataURL("image/png"), name);
    });
    image.src = text;
  };
  for (const figure of document.querySelectorAll("figure")) {
    figure.querySelectorAll(".panel svg").forEach((svg, number) => {
      const name = `${figure.id}-${number + 1}`;
      const label = svg.getAttribute("aria-label");
      svg.after(make("p", { class: "tools" },
        make("button", {
          type: "button",
          "aria-label": `Save as SVG: ${label}`,
          onclick: () => save(standalone(svg).text, `${name}.svg`),
        }, "SVG"),
        make("button", {
          type: "button",
          "aria-label": `Save as PNG: ${label}`,
          onclick: () => savePng(standalone(svg), `${name}.png`),
        }, "PNG")));
    });
  }

  // ---- Changed answers ----------------------------------------------------------------------
  const packed = document.getElementById("packed");
  if (!packed) return;
  const KINDS = ["harm", "gain", "other"];
  const KIND_WORDS = ["harm: right before, wrong now", "gain: wrong before, right now",
    "another wrong answer"];
  const PER_PAGE = 20;
  const form = document.getElementById("filters");
  const list = document.getElementById("changes");
  const found = document.getElementById("found");
  const pager = document.getElementById("pager");
  let data = null;
  let shown = [];
  let page = 0;
  let only = -1;

  const unpack = async () => {
    const binary = atob(packed.content.textContent.trim());
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  };
  const value = (name) => form.elements[name].value;
  const fixed = (number) => (number === null || number === undefined
    ? "\u2014" : number.toFixed(2).replace("-", "\u2212"));

  const matches = (change) => {
    const question = data.questions[change[0]];
    if (only >= 0 && change[0] !== only) return false;
    if (value("model") !== "" && change[1] !== Number(value("model"))) return false;
    if (value("benchmark") !== "" && question[0] !== Number(value("benchmark"))) return false;
    if (value("kind") !== "" && change[2] !== Number(value("kind"))) return false;
    if (value("shared") !== "" && question[8] + question[9] < Number(value("shared"))) return false;
    const text = value("text").trim().toLowerCase();
    if (!text) return true;
    return [question[1], question[3], change[3][1], change[3][3], question[7][3]]
      .some((part) => part !== null && part.toLowerCase().includes(text));
  };

  const chosen = (question, answer) => {
    if (answer[1] === null) return "no answer";
    if (question[4] === null) return answer[1];
    const text = question[4][Number(answer[1])];
    return text === undefined ? answer[1] : text.trim();
  };
  const brief = (text) => (text.length > 60 ? `${text.slice(0, 57)}\u2026` : text);

  const choiceTable = (question, change) => {
    const [before, after] = [question[7], change[3]];
    const body = make("tbody", {});
    question[4].forEach((choice, place) => {
      const marks = [
        String(place) === question[5] ? "right" : null,
        String(place) === before[1] ? "reference\u2019s" : null,
        String(place) === after[1] ? "candidate\u2019s" : null,
      ].filter(Boolean).join(", ");
      const values = [before[2], after[2]].map((all) => (all ? all[place] : null));
      const shift = values.includes(null) ? null : values[1] - values[0];
      body.append(make("tr", {},
        make("th", { scope: "row" }, make("bdi", {}, choice.trim())),
        make("td", {}, marks),
        ...[...values, shift].map((one) => make("td", { class: "number" }, fixed(one)))));
    });
    const headers = ["choice", "chosen", "reference, nats", "candidate, nats", "shift"];
    return make("div", { class: "scroll", tabindex: "0", role: "region",
      "aria-label": "Log-likelihoods of the choices" },
    make("table", {}, make("caption", {}, "Log-likelihood of each choice"),
      make("thead", {}, make("tr", {}, ...headers.map((h) => make("th", { scope: "col" }, h)))),
      body));
  };
  const marked = (text, other) => {
    const block = make("pre", { tabindex: "0" });
    if (text === null) { block.append("not recorded"); return block; }
    let same = 0;
    while (other !== null && same < Math.min(text.length, other.length)
      && text[same] === other[same]) same += 1;
    if (other === null || same === text.length) { block.append(text); return block; }
    const rest = text.slice(same);
    const first = /^\s*\S{1,24}/.exec(rest);
    const length = first ? first[0].length : Math.min(8, rest.length);
    block.append(text.slice(0, same), make("mark", {}, rest.slice(0, length)),
      rest.slice(length));
    return block;
  };
  const texts = (question, change) => {
    const [before, after] = [question[7], change[3]];
    const shared = change[5] === null ? null
      : make("p", { class: "omitted" }, `The first ${change[5]} tokens are the same; `
        + "the first difference is marked.");
    const side = (title, text, other, label) => make("div", {}, make("h4", {}, title),
      (() => { const pre = marked(text, other); pre.setAttribute("aria-label", label); return pre; })());
    return make("div", {}, make("div", { class: "sides" },
      side("Reference", before[3], after[3], "Answer of the reference"),
      side("Candidate", after[3], before[3], "Answer of the candidate")), shared);
  };
  const facts = (question, change) => {
    const rows = [
      ["right answer", question[4] === null ? `${question[5] ?? "not recorded"} (${question[6]})`
        : null],
      ["read in the answers", question[4] === null
        ? `${question[7][1] ?? "nothing"} \u2192 ${change[3][1] ?? "nothing"}` : null],
      ["score", `${question[7][0] ?? "\u2014"} \u2192 ${change[3][0] ?? "\u2014"}`],
      ["mean KLD along the reference\u2019s answer", change[4] === null ? null
        : `${change[4].toPrecision(3)} nats`],
      ["of the candidates", `${question[8]} of ${question[10]} lost this item, `
        + `${question[9]} won it`],
      ["cluster", question[2]],
    ];
    return make("dl", { class: "item-facts" }, ...rows.filter((row) => row[1] !== null)
      .map(([name, text]) => make("div", {}, make("dt", {}, name),
        make("dd", {}, make("bdi", {}, text)))));
  };
  const inside = (change) => {
    const question = data.questions[change[0]];
    const parts = [];
    if (question[3] !== null) {
      parts.push(make("h4", {}, "What was asked"),
        make("pre", { tabindex: "0", "aria-label": "Prompt" }, question[3]));
    }
    parts.push(question[4] === null ? texts(question, change) : choiceTable(question, change));
    parts.push(facts(question, change));
    if (only < 0) {
      parts.push(make("p", { class: "tools" }, make("button", {
        type: "button",
        onclick: () => { only = change[0]; page = 0; refresh(); found.focus(); },
      }, "Every candidate on this item")));
    }
    return parts;
  };
  const entry = (change) => {
    const question = data.questions[change[0]];
    const kind = KINDS[change[2]];
    const change_of = `${brief(chosen(question, question[7]))} \u2192 `
      + brief(chosen(question, change[3]));
    const details = make("details", { class: "change" }, make("summary", {},
      make("span", { class: `badge ${kind}` }, kind), " ",
      make("bdi", { class: "who" }, data.models[change[1]]), " ",
      make("bdi", { class: "where" }, `${data.titles[question[0]]}, ${question[1]}`), " ",
      make("bdi", { class: "what" }, change_of)));
    details.addEventListener("toggle", () => {
      if (details.open && details.childElementCount === 1) details.append(...inside(change));
    });
    return details;
  };
  const refresh = () => {
    shown = data.changes.filter(matches);
    const pages = Math.max(1, Math.ceil(shown.length / PER_PAGE));
    page = Math.min(Math.max(page, 0), pages - 1);
    const part = shown.slice(page * PER_PAGE, (page + 1) * PER_PAGE);
    const first = part.length ? page * PER_PAGE + 1 : 0;
    found.textContent = `${shown.length} changed answers`
      + (shown.length ? `, ${first} to ${first + part.length - 1} shown` : "")
      + (only >= 0 ? `, of item ${data.questions[only][1]} alone` : "");
    list.replaceChildren(...part.map(entry));
    const button = (label, to, usable) => make("button", {
      type: "button",
      disabled: !usable,
      onclick: () => { page = to; refresh(); found.focus(); },
    }, label);
    pager.replaceChildren(
      ...(only >= 0 ? [make("button", {
        type: "button", onclick: () => { only = -1; refresh(); },
      }, "All items")] : []),
      button("Previous", page - 1, page > 0), button("Next", page + 1, page < pages - 1));
  };
  const options = (select, texts) => texts.forEach((text, place) => {
    select.append(make("option", { value: String(place) }, text));
  });
  const follow = () => {
    if (!location.hash.startsWith("#items:")) return;
    const asked = new URLSearchParams(location.hash.slice("#items:".length));
    for (const [name, known] of [["model", data.models], ["benchmark", data.benchmarks],
      ["kind", KINDS]]) {
      const place = known.indexOf(asked.get(name));
      form.elements[name].value = place < 0 ? "" : String(place);
    }
    form.elements.shared.value = "";
    form.elements.text.value = "";
    only = -1;
    page = 0;
    refresh();
    document.getElementById("items").scrollIntoView();
    found.focus({ preventScroll: true });
  };
  unpack().then((content) => {
    data = content;
    options(form.elements.model, data.models);
    options(form.elements.benchmark, data.titles);
    options(form.elements.kind, KIND_WORDS);
    form.hidden = false;
    form.addEventListener("input", () => { page = 0; refresh(); });
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(() => { only = -1; page = 0; refresh(); }));
    addEventListener("hashchange", follow);
    refresh();
    follow();
    list.dataset.ready = "true";
  }).catch(() => {
    found.textContent = "This browser cannot unpack the changed answers; flips.json in the "
      + "folder of the study holds them.";
  });
})();
