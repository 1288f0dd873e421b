"""The page as Markdown: the picture and the code in fences, the rest as headings, paragraphs and tables."""

from collections.abc import Iterator

from rnncli.explain import table
from rnncli.explain.blocks import Block, Code, Page, Prose, Table


def render(page: Page) -> Iterator[str]:
    """Return the page in pieces."""
    yield f"# {page.title}\n\n{page.axes}\n"
    for section in page.sections:
        yield f"\n## {section.title}\n"
        yield from (f"\n{_block(block)}\n" for block in section.blocks)


def _block(block: Block) -> str:
    match block:
        case Prose(text):
            return text
        case Code(title, text):
            return f"{title}:\n\n```python\n{text}\n```"
        case Table(columns, rows):
            heads = " | ".join(head.removesuffix(">") for head in columns)
            rules = "|".join("--:" if head.endswith(">") else "---" for head in columns)
            return "\n".join([f"| {heads} |", f"|{rules}|", *(f"| {' | '.join(row)} |" for row in rows)])
    drawn = "\n".join(line for line, _ in table.picture(block))
    return f"```text\n{drawn}\n```"
