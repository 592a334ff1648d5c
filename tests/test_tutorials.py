"""The notebooks run from the first cell to the last, and lie in the repository without their outputs."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[1] / "tutorials"
NOTEBOOKS = sorted(path.name for path in FOLDER.glob("*.ipynb"))
CELL_TIMEOUT_S = 180


def read(name: str) -> nbformat.NotebookNode:
    return nbformat.read(FOLDER / name, as_version=4)


def test_there_are_notebooks() -> None:
    assert {
        "01_a_network_that_learns.ipynb",
        "02_pruning.ipynb",
        "03_energy_of_any_lava_network.ipynb",
        "04_port_to_loihi.ipynb",
    } <= set(NOTEBOOKS)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_outputs_are_cleared(name: str) -> None:
    notebook = read(name)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == [], f"{name}: cell {cell.id} has outputs"
            assert cell.execution_count is None, f"{name}: cell {cell.id} has an execution count"
            assert "execution" not in cell.metadata, f"{name}: cell {cell.id} has execution times"
    assert notebook.metadata.kernelspec.name == "python3"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_cells_have_names(name: str) -> None:
    """Ids that editors draw at random change with every rewrite; ours say what the cell is for."""
    ids = [cell.id for cell in read(name).cells]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", cell_id) for cell_id in ids)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_is_listed(name: str) -> None:
    assert f"({name})" in (FOLDER / "README.md").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Execution:
    """A notebook on its way: `notebook` has its outputs once `done` has a result."""

    notebook: nbformat.NotebookNode
    workplace: Path
    done: Future[None]


@pytest.fixture(scope="module")
def executions(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Execution]]:
    """The notebooks of the tests that are to run, two at a time: each leaves a core idle for much of its time."""
    wanted = [
        item.callspec.params["name"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.originalname == "test_it_runs"
    ]
    found = {}
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(max_workers=2) as pool:
        patch.delenv("MPLBACKEND", raising=False)  # the kernel's own, which shows pictures in the notebook
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))  # nobody's profile
        for name in wanted:
            if name.startswith("05_") and importlib.util.find_spec("lava.lib") is None:
                continue
            notebook, workplace = read(name), tmp_path_factory.mktemp("workplace")
            client = NotebookClient(
                notebook,
                timeout=CELL_TIMEOUT_S,
                kernel_name="python3",
                resources={"metadata": {"path": str(workplace)}},
            )
            found[name] = Execution(notebook, workplace, pool.submit(client.execute))
        yield found
        for each in found.values():
            each.done.cancel()  # what a failure has left waiting


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_it_runs(name: str, executions: dict[str, Execution]) -> None:
    if name not in executions:
        pytest.skip("lava-dl is not installed: make setup-dl")
    execution = executions[name]
    execution.done.result()
    notebook, workplace = execution.notebook, execution.workplace
    outputs = {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()}
    for cell_id, found in outputs.items():
        if cell_id.endswith("-plot"):
            assert any("image/png" in output.get("data", {}) for output in found), f"{cell_id}: no picture"
    assert list(workplace.iterdir()) == []  # it leaves nothing behind
    if name.startswith("01_"):
        check_first(outputs)
    if name.startswith("02_"):
        check_second(outputs)
    if name.startswith("03_"):
        check_third(notebook, outputs)
    if name.startswith("04_"):
        check_fourth(outputs)
    if name.startswith("05_"):
        check_fifth(outputs)


def printed(outputs: dict[str, list[nbformat.NotebookNode]]) -> dict[str, str]:
    return {cell_id: "".join(output.get("text", "") for output in found) for cell_id, found in outputs.items()}


def check_first(outputs: dict[str, list[nbformat.NotebookNode]]) -> None:
    """What the text of the first notebook promises."""
    text = printed(outputs)
    assert text["fused-run"].split() == "weights identical: True spikes identical: True".split()
    assert "event-model dynamic energy" in text["energy-table"]
    accuracy = re.match(r"unpruned: ([0-9.]+)% of 297 test images right", text["digits-run"])
    assert accuracy is not None
    assert float(accuracy[1]) > 50  # one in ten would be chance
    kept = re.search(r"synapses left: ([0-9.]+)%", text["prune-run"])
    assert kept is not None
    assert 0 < float(kept[1]) < 100


def check_second(outputs: dict[str, list[nbformat.NotebookNode]]) -> None:
    """What the text of the second notebook promises."""
    text = printed(outputs)
    assert "contrast" in text["event-run"]
    table = [line.split() for line in text["course-table"].splitlines()[1:]]
    connectivity, accuracy, training, inference, controller = (
        {line[0]: float(re.sub("[%,]", "", line[column])) for line in table} for column in range(1, 6)
    )
    for method in ("constant", "apt", "contrast", "neuron"):
        assert 20 < connectivity[method] < 35
        assert 50 < accuracy[method] < accuracy["none"]
        assert inference[method] < 0.6 * inference["none"]
    assert training["constant"] < training["apt"] < training["none"] < 2 * training["constant"]
    assert controller["constant"] < controller["contrast"] < 0.02 * training["contrast"]
    assert text["own-run"].splitlines()[1].endswith("to the bit: True")


def check_third(notebook: nbformat.NotebookNode, outputs: dict[str, list[nbformat.NotebookNode]]) -> None:
    """What the text of the third notebook promises."""
    text = printed(outputs)
    (script,) = (cell.source for cell in notebook.cells if cell.id == "chain-run")
    assert sum(line.endswith("# added") for line in script.splitlines()) <= 5
    spikes, operations, zeros = numbers_after("lif1 -> dense -> lif2", text["chain-run"])[:3]
    assert operations + zeros == 2 * spikes > 0
    assert "event-model dynamic energy, profile loihi1-davies2018" in text["chain-run"]
    assert "loihi1-davies2018" in text["profiles-table"]
    spikes, operations, _, updates = numbers_after("-> plastic -> neurons", text["learning-run"])[:4]
    assert 0 < operations <= 5 * spikes
    assert updates > 0
    if importlib.util.find_spec("lava.lib") is None:
        assert text["netx-run"] == "lava-dl is not installed: this part is left out.\n"
    else:
        whole, pruned = text["netx-run"].split("--- 10% of the weights")
        for connection in ("-> in_layer.synapse -> in_layer.neuron", "-> out_layer.synapse -> out_layer.neuron"):
            assert 0 < numbers_after(connection, pruned)[1] < 0.2 * numbers_after(connection, whole)[1]
        assert any("image/png" in output.get("data", {}) for output in outputs["netx-picture"])


def numbers_after(name: str, text: str) -> list[float]:
    """The numbers in the line with this name."""
    (line,) = (line for line in text.splitlines() if name in line)
    return [float(number.replace(",", "")) for number in line.split(name)[1].split()]


def check_fourth(outputs: dict[str, list[nbformat.NotebookNode]]) -> None:
    """What the text of the fourth notebook promises."""
    text = printed(outputs)
    original, port = (float(found) for found in re.findall(r"(?:original|port) ([0-9.]+)%", text["fold-run"]))
    assert original > 75
    assert port > original - 5
    assert "same counts: True" in text["lava-run"]
    assert "('lateral', 'neurons')" in text["nir-run"]
    assert "after reading: True" in text["nir-run"]
    assert "conductances" in text["nir-run"]
    forward = re.search(r"feed-forward port ([0-9.]+)%", text["netx-run"])
    assert forward is not None
    assert float(forward[1]) > original - 10
    tried = importlib.util.find_spec("lava.lib") is not None
    assert ("same spikes: True" if tried else "not tried") in text["netx-run"]
    assert text["rule-run"].startswith("dw = -2^-7*x0*y1 + 2^-7*y0*x1*y2")


def check_fifth(outputs: dict[str, list[nbformat.NotebookNode]]) -> None:
    """What the text of the fifth notebook promises."""
    text = printed(outputs)
    assert text["ranges-run"].splitlines()[-1].endswith("[1.375, 0.75]")
    assert "epoch 1: pruned 4, regrown 0, live [[0, 0, 0, 0], [1, 1, 1, 1]]" in text["prune-run"]
    assert "epoch 3: pruned 0, regrown 1, live [[0, 0, 1, 0], [1, 1, 1, 1]]" in text["prune-run"]
    rows = {line.split()[0]: line.split()[1:] for line in text["train-run"].splitlines()[1:3]}
    dense, pruned = ([float(re.sub("[%,]", "", value)) for value in rows[name]] for name in ("none", "sdsnn"))
    assert dense[1] == 100
    assert 30 < pruned[1] < 80
    assert min(dense[0], pruned[0]) > 70  # of ten classes
    compared, taken_out = text["lava-run"].strip().splitlines()
    assert compared.endswith(" 0 differ")
    assert taken_out.startswith("units taken out: {'conv1': ")
