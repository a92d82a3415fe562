"""An inspection as a part of a page: no script, nothing from elsewhere, every number to be read at its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from nlp_lstm.cli.aligning import N_LEVELS, SHADED_CELLS, alignment_table, shown
from nlp_lstm.inspection import Inspection, Layer, Part
from nlp_lstm.text.visible import visible

MEANINGS = {
    "input_gate": "how much of the candidate is written into the cell state",
    "forget_gate": "how much of the cell state is kept from the token before",
    "output_gate": "how much of the cell state is shown as hidden state",
    "candidate": "what the token would write",
    "cell": "the memory of the layer",
    "hidden": "what the layer hands on",
    "reset_gate": "how much of the state before is read for the new one",
    "update_gate": "how much of the state before is kept",
    "new": "what the token would put in its place",
    "attended": "what the layer adds of the tokens that it attends to",
    "fed": "what the layer adds of the token itself, by a feed-forward network",
}
"""What each part of a cell does, for people who see one for the first time."""

OTHER_MEANINGS = {
    ("minlstm", "forget_gate"): "how much of the state before is kept; the gates read the token alone, not the state",
    ("minlstm", "input_gate"): "how much of the candidate is taken: the rest",
}
"""What a part does in a cell where it does something else than in an LSTM."""

FOR, AGAINST = "23 78 166", "150 52 0"
"""Colours of tokens that speak for and against, as CSS has them."""


def _signed_rules() -> str:
    rules = []
    for letter, colour in (("p", FOR), ("n", AGAINST)):
        for level in range(1, N_LEVELS + 1):
            white = " color: #fff;" if level > 7 else ""
            rules.append(f".{letter}{level} {{ background: rgb({colour} / {level / N_LEVELS:.0%});{white} }}\n")
    return "".join(rules)


STYLE = (
    """body { max-width: none; }
section { border-top: 1px solid #ccc; padding: 0.7em 0; }
p { max-width: 60em; margin: 0.4em 0; }
p.tokens { line-height: 2; white-space: pre-wrap; overflow-wrap: anywhere; }
p.tokens span { padding: 0.15em 0.1em; border-radius: 0.2em; print-color-adjust: exact; }
p.said { font-weight: bold; }
h2, h3 { font-size: 1em; margin: 1em 0 0.3em; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.1em 1em; font-size: 0.85em; max-width: 60em; }
dd { margin: 0; }
div { overflow-x: auto; margin: 0.5em 0; }
table { border-collapse: collapse; font-size: 0.85em; line-height: 1.3; }
th { font-weight: normal; white-space: nowrap; padding: 0 0.4em; }
thead th { vertical-align: bottom; }
tbody th { text-align: right; position: sticky; left: 0; background: #fff; }
td { min-width: 2.6em; text-align: center; border: 1px solid #eee; print-color-adjust: exact; }
td.text { text-align: left; padding: 0 0.4em; white-space: nowrap; }
"""
    + SHADED_CELLS
    + _signed_rules()
)


def page_of(found: Inspection, said: Iterable[str]) -> str:
    """Return an inspection as a section; `said` is what stands above, a line each."""
    lines = "".join(f"<p class=said dir=auto>{escape(visible(line))}</p>\n" for line in said)
    notes = "".join(f"<p>{escape(visible(note))}</p>\n" for note in found.notes)
    grids = [("what each token of the translation attended to", each) for each in found.alignments]
    pairs = ((layer, found.attended(layer)) for layer in found.layers)
    grids += [(f"what each token attends to in {layer.title}", each) for layer, each in pairs if each is not None]
    alignments = "".join(
        f"<h2>{escape(what)}, in percent</h2>\n<div>{alignment_table(each)}</div>\n" for what, each in grids
    )
    body = (
        f"{lines}{_coloured(found)}"
        "<p>Blue speaks for it, orange against it; point at a token for its share.</p>\n"
        f"{notes}{_heat_maps(found)}{_decisions(found)}{alignments}{_meanings(found.layers)}"
    )
    return f"<section>\n{body}</section>"


def _coloured(found: Inspection) -> str:
    """Return the text with each token coloured by its share."""
    most = max([1e-12, *map(abs, found.attribution.values)])
    parts, place = [], 0
    for token, start, value in zip(found.tokens, found.starts, found.attribution.values, strict=True):
        end = start + len(token)
        parts.append(escape(visible(found.text[place : max(place, start)])))
        inside = escape(visible(found.text[max(place, start) : end])) or ""  # two tokens may share a character
        title = escape(f"{shown(token)}: {found.attribution.shown(value)}")
        parts.append(f'<span{_class(value / most)} title="{title}">{inside}</span>')
        place = max(place, end)
    return f"<p class=tokens dir=auto>{''.join(parts)}{escape(visible(found.text[place:]))}</p>\n"


def _class(share: float) -> str:
    level = round(N_LEVELS * abs(share))
    return f" class={'p' if share > 0 else 'n'}{level}" if level else ""


def _heat_maps(found: Inspection) -> str:
    """Return a table of tokens by shares and gates, and one more for layers that read something else."""
    beside = [layer for layer in found.layers if not layer.steps]
    apart: dict[tuple[str, ...], list[Layer]] = {}
    for layer in found.layers:
        if layer.steps:
            apart.setdefault(layer.steps, []).append(layer)
    heads, rows = _shares(found)
    what = "shares, gates (mean over channels) and states (norm), token by token"
    tables = [_heat_map(what if beside else "shares", heads, rows, found.times or found.tokens, beside)]
    for steps, layers in apart.items():
        what = f"gates (mean over channels) and states (norm) of the {layers[0].network or 'encoder'}, step by step"
        tables.append(_heat_map(what, [], [""] * len(steps), steps, layers))
    return "".join(tables)


def _shares(found: Inspection) -> tuple[list[str], list[str]]:
    """Return the titles of what is known of a token beside the layers, and its cells for each token."""
    heads = [*(["value"] if found.times else []), "share", *(["attention %"] if found.attention else [])]
    most = max([1e-12, *map(abs, found.attribution.values)])
    rows = []
    for place, (token, value) in enumerate(zip(found.tokens, found.attribution.values, strict=True)):
        cells = f"<td>{escape(shown(token))}" if found.times else ""
        cells += f"<td{_class(value / most)}>{found.attribution.shown(value)}"
        if found.attention:
            cells += f"<td{_shade(found.attention[place])}>{100 * found.attention[place]:.0f}"
        rows.append(cells)
    return heads, rows


def _heat_map(
    what: str, heads: Sequence[str], rows: Sequence[str], names: Sequence[str], layers: Sequence[Layer]
) -> str:
    """Return a table of steps by gates.

    Args:
        what: what it shows.
        heads: titles of columns before those of the layers.
        rows: the cells of these columns at each step.
        names: what each step is called.
        layers: the layers.
    """
    columns = [(layer, part) for layer in layers for part in layer.parts]
    scales = [1.0 if part.low else max([1e-12, *part.norm]) for _, part in columns]
    over = "".join(f"<th scope=colgroup colspan={len(layer.parts)}>{escape(layer.title)}" for layer in layers)
    titles = "".join(f"<th scope=col>{escape(title)}" for title in (*heads, *(part.title for _, part in columns)))
    body = []
    for place, (name, row) in enumerate(zip(names, rows, strict=True)):
        pairs = zip(columns, scales, strict=True)
        cells = row + "".join(_cell(name, layer, part, place, scale) for (layer, part), scale in pairs)
        body.append(f"<tr><th scope=row dir=auto>{escape(shown(name))}{cells}\n")
    return (
        f"<h2>{escape(what)}</h2>\n"
        f"<div><table><thead><tr><td>{'<td>' * len(heads)}{over}\n<tr><td>{titles}</thead>\n"
        f"<tbody>\n{''.join(body)}</tbody></table></div>\n"
    )


def _cell(token: str, layer: Layer, part: Part, place: int, scale: float) -> str:
    """Return one number, with all that is known of it to be read by pointing at it."""
    mean = f"mean {part.mean[place]:+.3f}"
    if part.low:
        more = f"{mean}, {part.low[place]:.0%} of channels below 0.1, {part.high[place]:.0%} above 0.9"
        number = part.mean[place]
    else:
        more = f"{mean}, norm {part.norm[place]:.3f}"
        number = part.norm[place]
    whose = f"{layer.network} layer".lstrip()
    title = f"{shown(token)}, {whose} {layer.number} {layer.direction}, {part.title}: {more}"
    return f'<td{_shade(number / scale)} title="{escape(title)}">{number:.2f}'


def _shade(share: float) -> str:
    level = min(N_LEVELS, round(N_LEVELS * max(0.0, share)))
    return f" class=w{level}" if level else ""


def _decisions(found: Inspection) -> str:
    """Return a table of why each word got its tag."""
    if not found.decisions:
        return ""
    titles = ("tag", "score at the word", "move to it", "rival", "margin", "of it by words", "of it by moves")
    heads = "".join(f"<th scope=col>{title}" for title in titles)
    rows = []
    for token, each in zip(found.tokens, found.decisions, strict=True):
        numbers = [f"<td>{each.emission:.2f}", f"<td>{each.move:.2f}"]
        margins = [each.margin, each.margin_emissions, each.margin_moves]
        cells = [f"<td class=text>{escape(each.tag)}", *numbers, f"<td class=text>{escape(each.rival or '-')}"]
        cells += ["<td>-" if number is None else f"<td>{number:+.2f}" for number in margins]
        rows.append(f"<tr><th scope=row dir=auto>{escape(shown(token))}{''.join(cells)}\n")
    return (
        "<h2>why each word got its tag: the best sequence against the best one with another tag there</h2>\n"
        f"<div><table><thead><tr><td>{heads}</thead>\n<tbody>\n{''.join(rows)}</tbody></table></div>\n"
    )


def _meanings(layers: Sequence[Layer]) -> str:
    """Return what each part of the cells does, once; where two cells differ in it, which one is meant."""
    found: dict[str, dict[str, str]] = {}
    for layer in layers:
        for part in layer.parts:
            meaning = OTHER_MEANINGS.get((layer.cell, part.name)) or MEANINGS.get(part.name)
            if meaning is not None:
                found.setdefault(part.title, {}).setdefault(meaning, layer.cell)
    rows = (
        f"<dt>{title}{f' ({cell})' if len(meanings) > 1 else ''}<dd>{meaning}"
        for title, meanings in found.items()
        for meaning, cell in meanings.items()
    )
    return f"<dl>{''.join(rows)}</dl>\n"
