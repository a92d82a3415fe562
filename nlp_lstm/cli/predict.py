"""`nlp-lstm predict`."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import click

from nlp_lstm.cli import options


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("files", nargs=-1, metavar="[FILE|-]...")
@click.option("--text", "texts", multiple=True, metavar="T", help="A text to predict for; can be given again.")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "jsonl", "tsv"]),
    default="text",
    show_default=True,
    help="text: the label alone.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write there, not on stdout.")
@options.data_format
@options.text_column
@options.online
@options.batch_size
@options.device
def predict(
    model: Path,
    files: tuple[str, ...],
    texts: tuple[str, ...],
    output_format: str,
    output: Path | None,
    data_format: str | None,
    text_column: str,
    online: bool,
    batch_size: int,
    device: str,
) -> None:
    """Predict with MODEL for each text of the FILEs, of standard input (-), or given by --text.

    One line out for each text in, in order, also for empty ones:

    \b
        cat reviews.txt | nlp-lstm predict runs/mine - --format jsonl
    """
    if not files and not texts:
        raise click.UsageError("give a FILE, - for standard input, or --text T")
    from nlp_lstm.cli.writing import WRITERS, open_output  # heavy, like all below: only when it is used
    from nlp_lstm.corpora.reading import Record, read_records
    from nlp_lstm.stages.predictor import load

    sources = [read_records(file, data_format=data_format, text_column=text_column, online=online) for file in files]
    predictor = load(model, device=device)
    waiting: deque[Record] = deque()

    def read() -> Iterator[str]:
        for text in texts:
            waiting.append(Record(text, {}))
            yield text
        for source in sources:
            for record in source:
                waiting.append(record)
                yield record.text

    with open_output(output) as write:
        writer = WRITERS[output_format]()
        for prediction in predictor.stream(read(), batch_size=batch_size):
            write(writer.line(waiting.popleft(), prediction))
