"""The page as Markdown: the picture and the code in fences, the rest as headings, paragraphs and tables."""

from collections.abc import Iterator

from rnncli.explain import table
from rnncli.explain.blocks import Block, Code, Page, Prose, Table


def render(page: Page) -> Iterator[str]:
    """Return the page in pieces."""
    yield f"# {page.title}\n\n{page.axes}\n"
    for section in page.sections:
        yield f"\n## {section.title}\n"
        for block in section.blocks:
            yield f"\n{_block(block)}\n"


def _block(block: Block) -> str:
    match block:
        case Prose(text):
            return text
        case Code(title, text):
            return f"{title}:\n\n```python\n{text}\n```"
        case Table():
            return _table(block)
    drawn = "\n".join(line for line, _ in table.picture(block))
    return f"```text\n{drawn}\n```"


def _table(block: Table) -> str:
    heads = " | ".join(head.removesuffix(">") for head in block.columns)
    rules = "|".join("--:" if head.endswith(">") else "---" for head in block.columns)
    rows = [f"| {' | '.join(row)} |" for row in block.rows]
    return "\n".join([f"| {heads} |", f"|{rules}|", *rows])
