"""The shape of the code: who may import whom, what stands in one place only, what must start without torch.

Each rule is a function from a module's name and source to its violations, so that it can be tested itself.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "nlp_lstm"

# From the top down; a module imports from lower rows and from its own package only.
ROWS = (
    {"__main__"},
    {"cli"},
    {"shell", "adapters"},
    {"stages"},
    {"tasks", "training", "store"},
    {"nn", "batching", "corpora", "tensor_file"},
    {"metrics", "inspection"},
    {"text", "config", "records", "plugins"},
    {"counting", "errors", "expected", "files", "spacy_doc", "toml_values"},
)
DEPTH = {name: depth for depth, row in enumerate(ROWS) for name in row}

WITHOUT_TORCH = (
    "text",
    "metrics",
    "corpora",
    "config",
    "records",
    "inspection",
    "counting",
    "errors",
    "expected",
    "files",
    "plugins",
    "spacy_doc",
    "toml_values",
)
TOP_LEVEL = {
    *("pyproject.toml", "constraints.txt", "README.md", "LICENSE", "CHANGELOG.md", "Makefile"),
    *("nlp_lstm", "pipelines", "tests", "data"),
}
PICKLES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def module_name(path: Path) -> str:
    """Return the dotted name of a file of the package; a package's is that of its `__init__`."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports(module: str, source: str) -> Iterator[str]:
    """Yield the dotted name of all that `source` imports, at whatever depth: `a.b` for `from a import b`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")[: -node.level] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def attributes(source: str) -> Iterator[str]:
    """Yield every plain or dotted name that `source` uses: `F.pad`, `torch.nn.functional.pad`, `print`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute | ast.Name):
            yield ast.unparse(node)


def calls(source: str) -> Iterator[str]:
    """Yield the name of every function that `source` calls."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def within(name: str, *prefixes: str) -> bool:
    """Tell whether a dotted name is one of `prefixes` or lies below one."""
    return any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


def wrong_direction(module: str, source: str) -> list[str]:
    """Imports of ours that do not point down."""
    if module == "nlp_lstm.__init__":  # the surface: its imports are lazy
        return []
    own = module.split(".")[1]
    found = []
    for name in imports(module, source):
        parts = name.split(".")
        if parts[0] != "nlp_lstm" or name == "nlp_lstm.__version__":
            continue
        target = parts[1] if len(parts) > 1 else "the surface"
        if target == own:
            continue
        if own == "nn" or DEPTH.get(own, len(ROWS)) >= DEPTH.get(target, -1):
            found.append(f"{module} imports {name}")
    return found


def stray_torchtext(module: str, source: str) -> list[str]:
    """Imports of torchtext outside the vocabulary."""
    if module == "nlp_lstm.text.vocabulary":
        return []
    return [f"{module} imports {name}" for name in imports(module, source) if within(name, "torchtext")]


def stray_numba(module: str, source: str) -> list[str]:
    """Imports of numba outside the module that says how functions are translated."""
    if module == "nlp_lstm.nn.machine_code":
        return []
    return [f"{module} imports {name}" for name in imports(module, source) if within(name, "numba")]


def stray_padding(module: str, source: str) -> list[str]:
    """Padding outside `batching`."""
    if within(module, "nlp_lstm.batching"):
        return []
    names = {*attributes(source), *imports(module, source)}
    return [
        f"{module} uses {name}"
        for name in sorted(names)
        if name.split(".")[-1] in {"pad_sequence", "constant_pad_nd"}
        or name.split(".")[-2:] in (["F", "pad"], ["functional", "pad"])
    ]


def stray_output(module: str, source: str) -> list[str]:
    """Printing outside the command line and the shell's terminal."""
    if within(module, "nlp_lstm.cli", "nlp_lstm.shell.terminal"):
        return []
    printers = {"print", "click.echo", "click.secho", "sys.stdout", "sys.stderr"}
    used = {*printers.intersection(attributes(source))}
    used |= {name for name in imports(module, source) if name in printers | {"pprint.pprint"} or within(name, "rich")}
    return [f"{module} uses {name}" for name in sorted(used)]


def split_lines(module: str, source: str) -> list[str]:
    """Uses of `splitlines`, which also cuts at form feeds and Unicode separators inside a text."""
    return [f"{module} uses {name}" for name in attributes(source) if name.split(".")[-1] == "splitlines"]


def pickles(module: str, source: str) -> list[str]:
    """Ways to read or write a pickle."""
    names = [*imports(module, source), *attributes(source)]
    found = [name for name in names if name in {"torch.load", "torch.save"}]
    found += [name for name in imports(module, source) if name.split(".")[0] in PICKLES]
    found += [
        "allow_pickle"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False"
    ]
    return [f"{module} uses {name}" for name in found]


def stray_entries(paths: list[str]) -> list[str]:
    """Tracked files that open a new top-level entry, and Python among the recipes."""
    tops = {path.split("/")[0] for path in paths}
    found = sorted(top for top in tops if top not in TOP_LEVEL and not top.startswith("."))
    return found + [path for path in paths if path.startswith("pipelines/") and path.endswith(".py")]


def loaded_early(modules: list[str], heavy: set[str]) -> list[str]:
    """Import `modules` in turn in a fresh interpreter; return which of them brought a heavy library in."""
    code = (
        "import importlib, sys\nheavy = set(sys.argv[1].split())\n"
        "for name in sys.argv[2:]:\n"
        "    importlib.import_module(name)\n"
        "    for found in sorted(heavy.intersection(sys.modules)):\n"
        "        heavy.discard(found)\n"
        "        print(name, 'loads', found)\n"
    )
    command = [sys.executable, "-c", code, " ".join(sorted(heavy)), *modules]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().split("\n") if done.stdout else []


RULES = (wrong_direction, stray_torchtext, stray_numba, stray_padding, stray_output, split_lines, pickles)


@pytest.mark.parametrize("rule", RULES)
def test_every_module_keeps_the_rule(rule):
    broken = [line for name, path in MODULES.items() for line in rule(name, path.read_text(encoding="utf-8"))]
    assert broken == []


def test_a_new_folder_or_module_has_a_row():
    names = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or any(path.glob("*.py"))}
    assert names - {"__init__"} <= set(DEPTH)


def test_text_tools_import_without_torch():
    light = [name for name in MODULES if name.split(".")[1] in WITHOUT_TORCH]
    assert light
    assert loaded_early([name.removesuffix(".__init__") for name in light], {"torch", "torchtext"}) == []


def test_the_command_line_imports_without_anything_heavy():
    entry = ["nlp_lstm", "nlp_lstm.cli", *(name for name in MODULES if name == "nlp_lstm.cli.main")]
    heavy = {"torch", "torchtext", "spacy", "datasets", "pydantic", "tokenizers", "pyarrow", "numba"}
    assert loaded_early(entry, heavy) == []


def test_the_top_level_holds_what_the_design_allows():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode or not listed.stdout:
        pytest.skip("not a git checkout with files in it")
    assert stray_entries(listed.stdout.strip("\0").split("\0")) == []


@pytest.mark.parametrize(
    ("rule", "module", "source"),
    [
        (wrong_direction, "nlp_lstm.errors", "import nlp_lstm.records"),
        (wrong_direction, "nlp_lstm.text.basic", "from nlp_lstm.batching.padding import pad_ids"),
        (wrong_direction, "nlp_lstm.nn.encoder", "from nlp_lstm.errors import DataError"),
        (wrong_direction, "nlp_lstm.tasks.classify", "from nlp_lstm.training import loop"),  # a sibling
        (wrong_direction, "nlp_lstm.text.basic", "from nlp_lstm import metrics"),
        (wrong_direction, "nlp_lstm.text.basic", "from ..metrics import classification"),
        (wrong_direction, "nlp_lstm.text.basic", "def f():\n    from nlp_lstm.stages import pipeline"),
        (wrong_direction, "nlp_lstm.cli.main", "from nlp_lstm import load"),  # past the surface
        (wrong_direction, "nlp_lstm.cli.main", "import nlp_lstm"),
        (wrong_direction, "nlp_lstm.cli.main", "import nlp_lstm.helpers"),  # without a row
        (wrong_direction, "nlp_lstm.helpers", "import nlp_lstm.errors"),
        (stray_torchtext, "nlp_lstm.text.basic", "def f():\n    from torchtext.vocab import Vocab"),
        (stray_torchtext, "nlp_lstm.training.loop", "import torchtext.data as data"),
        (stray_numba, "nlp_lstm.nn.loops", "from numba import njit"),
        (stray_padding, "nlp_lstm.nn.encoder", "y = F.pad(x, (0, 1))"),
        (stray_padding, "nlp_lstm.nn.encoder", "y = torch.nn.functional.pad(x, (0, 1))"),
        (stray_padding, "nlp_lstm.nn.encoder", "from torch.nn.functional import pad"),
        (stray_padding, "nlp_lstm.tasks.tag", "from torch.nn.utils.rnn import pad_sequence as p"),
        (stray_output, "nlp_lstm.training.loop", "print('epoch 1')"),
        (stray_output, "nlp_lstm.shell.session", "import click\nclick.echo('hello')"),
        (stray_output, "nlp_lstm.training.loop", "def f():\n    from rich.console import Console"),
        (stray_output, "nlp_lstm.training.loop", "import sys\nsys.stderr.write('x')"),
        (split_lines, "nlp_lstm.corpora.plain", "lines = text.splitlines()"),
        (split_lines, "nlp_lstm.corpora.plain", "lines = map(str.splitlines, texts)"),
        (pickles, "nlp_lstm.store", "import pickle"),
        (pickles, "nlp_lstm.store", "state = torch.load(path, weights_only=True)"),
        (pickles, "nlp_lstm.training.checkpoint", "from torch import save"),
        (pickles, "nlp_lstm.store", "np.load(path, allow_pickle=True)"),
    ],
)
def test_a_violation_is_found(rule, module, source):
    assert len(rule(module, source)) == 1


@pytest.mark.parametrize(
    ("rule", "module", "source"),
    [
        (wrong_direction, "nlp_lstm.cli.main", "from nlp_lstm import __version__, stages\nimport torch"),
        (wrong_direction, "nlp_lstm.tasks.classify", "from nlp_lstm.nn import encoder\nfrom . import table"),
        (wrong_direction, "nlp_lstm.nn.encoder", "from nlp_lstm.nn.cells import LstmCell"),
        (stray_torchtext, "nlp_lstm.text.vocabulary", "from torchtext.vocab import Vocab"),
        (stray_numba, "nlp_lstm.nn.machine_code", "import numba"),
        (stray_padding, "nlp_lstm.batching.padding", "from torch.nn.utils.rnn import pad_sequence"),
        (stray_padding, "nlp_lstm.nn.encoder", "pad = vocabulary.pad\nvalue = F.relu(x)"),
        (stray_output, "nlp_lstm.cli.main", "from rich.console import Console\nprint('x')"),
        (stray_output, "nlp_lstm.shell.terminal", "print('x')"),
        (stray_output, "nlp_lstm.text.basic", '"""Show it.\n\n>>> print("x")\nx\n"""'),
        (split_lines, "nlp_lstm.corpora.plain", "lines = text.split('\\n')"),
        (
            pickles,
            "nlp_lstm.store",
            "from safetensors.torch import load, save\nnp.load(p, allow_pickle=False)",
        ),
    ],
)
def test_what_is_allowed_passes(rule, module, source):
    assert rule(module, source) == []


def test_a_library_loaded_too_early_is_found():
    assert loaded_early(["string", "fractions"], {"decimal", "sqlite3"}) == ["fractions loads decimal"]


def test_a_stray_entry_and_a_recipe_in_python_are_found():
    paths = ["README.md", "nlp_lstm/errors.py", "scripts/run.py", ".ci/run", "pipelines/odd.py"]
    assert stray_entries(paths) == ["scripts", "pipelines/odd.py"]
