"""The report's HTML page: one file with the images inside."""

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

from dreamgaussian.evaluate.results import ObjectResult, image_name
from dreamgaussian.evaluate.text.text_results import result_path

STYLE = """
:root { --ink: #24262b; --faint: #71757e; --line: #e3e5e9; --page: #fff; --card: #f6f7f9 }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 1180px; padding: 40px 24px 80px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 30px; margin: 0 0 8px } h2 { font-size: 20px; margin: 44px 0 12px } h3 { font-size: 17px; margin: 0 }
p { max-width: 75ch } .faint { color: var(--faint); font-size: 13px }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 18px; margin: 18px 0 } dt { color: var(--faint) }
dd { margin: 0 }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap }
th { color: var(--faint); font-weight: 500 } th.text, td.text { text-align: left }
section { background: var(--card); border-radius: 14px; padding: 18px 20px; margin: 18px 0 }
.views { display: grid; grid-template-columns: 160px auto; gap: 6px 16px; align-items: center; margin-top: 12px;
  overflow-x: auto }
.views img { height: 112px; border-radius: 8px; display: block } .views .input { height: 112px; background: #fff }
"""


def html_page(
    folder: Path,
    results: Sequence[ObjectResult],
    facts: dict[str, str],
    tables: dict[str, list[Sequence[str]]],
    notes: str,
    prompts: Sequence[str] = (),
) -> str:
    """The page as HTML.

    Args:
        folder: The evaluation's output, which has the images.
        results: What the galleries show, object by object.
        facts: Shown as a list at the head.
        tables: Rows of text, the header first, by title.
        notes: How to read the scores.
        prompts: Prompts of the text benchmark whose views are shown.
    """
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    parts = ["<h1>DreamGaussian's benchmark</h1>", f"<p>{escape(notes)}</p>", f"<dl>{listed}</dl>"]
    for title, rows in tables.items():
        parts += [f"<h2>{escape(title)}</h2>", _table(rows, text_columns=2)]
    parts.append("<h2>Images</h2>")
    for key in dict.fromkeys(result.key for result in results):
        parts.append(_gallery(folder, [result for result in results if result.key == key]))
    parts += [_prompt(words, result_path(folder, words).with_suffix(".webp")) for words in prompts]
    body = "\n".join(parts)
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<title>Benchmark</title><style>{STYLE}</style></head>\n'
        f"<body>\n{body}\n</body></html>\n"
    )


def _table(rows: Sequence[Sequence[str]], text_columns: int) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        kinds = [' class="text"' if column < text_columns else "" for column in range(len(cells))]
        return "".join(f"<{tag}{kind}>{escape(cell)}</{tag}>" for kind, cell in zip(kinds, cells, strict=True))

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows[1:])
    return f'<div class="wide"><table><tr>{line(rows[0], "th")}</tr>{body}</table></div>'


def _gallery(folder: Path, results: Sequence[ObjectResult]) -> str:
    """One object: the input, the truth, and what each method shows from the same cameras."""
    first, home = results[0], folder / results[0].key
    cells = [_image("Input", "", home / "input.webp", "input"), _image("Truth", "", home / "truth.webp")]
    for result in results:
        for method, scores in result.methods.items():
            view = scores.views[min(scores.views)]
            note = f"{view.psnr:.1f} dB, IoU {view.iou:.2f}"
            label = method if result.variant in ("baselines", "default") else f"{method}, {result.variant}"
            cells.append(_image(label, note, home / image_name(result.variant, method)))
    return f"<section><h3>{escape(first.name)}</h3><div class='views'>{''.join(cells)}</div></section>"


def _prompt(words: str, views: Path) -> str:
    """One prompt: what it became, from all round."""
    cells = _image("Mesh", "eight views", views)
    return f"<section><h3>{escape(words)}</h3><div class='views'>{cells}</div></section>"


def _image(label: str, note: str, path: Path, kind: str = "") -> str:
    if not path.exists():
        return ""
    content = base64.b64encode(path.read_bytes()).decode()
    text = f'{escape(label)}<br><span class="faint">{escape(note)}</span>'
    return f'<div>{text}</div><img class="{kind}" alt="{escape(label)}" src="data:image/webp;base64,{content}">'
