"""The file of a site: what is read, and what each mistake is called."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from scoutlang.support.engines.site import Site, read_site
from scoutlang.support.errors import ScoutError

WHOLE = """
provider = "slurm"
partition = "gpu"
account = "project_4711"
qos = "normal"
constraint = "a100|h100"
nodes = 2
blocks = 4
workers_per_node = 4
gpus_per_node = 4
cores_per_worker = 8
memory_per_node = 240
walltime = "08:00:00"
setup = ["module load cuda/12", "source $HOME/scout/.venv/bin/activate"]
options = ["--exclusive", "--mail-type=END"]
patience = 1800
folder = "parsl"
"""


def written(folder: Path, text: str | bytes) -> Path:
    file = folder / "cluster.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_all_keys(tmp_path: Path) -> None:
    site = read_site(written(tmp_path, WHOLE))
    assert site.setup == ("module load cuda/12", "source $HOME/scout/.venv/bin/activate")
    assert site.options == ("--exclusive", "--mail-type=END")
    assert site.folder == tmp_path / "parsl"
    assert (site.workers, site.seconds, site.patience) == (4, 8 * 3600, 1800.0)
    assert set(site.model_fields_set) == set(Site.model_fields)


def test_what_is_not_said(tmp_path: Path) -> None:
    site = read_site(written(tmp_path, 'provider = "slurm"'))
    assert (site.nodes, site.blocks, site.workers, site.gpus_per_node) == (1, 1, 1, 0)
    assert (site.walltime, site.patience, site.folder) == ("01:00:00", 3600.0, None)


def test_a_walltime_counts_in_whole_minutes() -> None:
    assert Site(provider="slurm", walltime="01:02:59").seconds == 62 * 60


@pytest.mark.parametrize(
    ("keys", "workers"),
    [({}, 1), ({"gpus_per_node": 4}, 4), ({"gpus_per_node": 4, "workers_per_node": 2}, 2)],
)
def test_workers_of_a_node(keys: dict[str, int], workers: int) -> None:
    assert Site(provider="local", **keys).workers == workers


def test_a_folder_of_the_home_and_an_absolute_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    for said, meant in [("~/parsl", "/home/somebody/parsl"), ("/scratch/me", "/scratch/me")]:
        site = read_site(written(tmp_path, f'provider = "local"\nfolder = "{said}"'))
        assert site.folder == Path(meant)


SLURM = 'provider = "slurm"\n'
LOCAL = 'provider = "local"\n'


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("", ": `provider` is missing", 'provider = "slurm" or provider = "local"'),
        ('provider = "pbs"', ": `provider` is 'pbs', not 'slurm' or 'local'", ""),
        (SLURM + 'partitoin = "gpu"', ": `partitoin` is no key of a site", "did you mean `partition`?"),
        (SLURM + 'Walltime = "01:00:00"', ": `Walltime` is no key of a site", "did you mean `walltime`?"),
        (SLURM + "gpus-per-node = 1", ": `gpus-per-node` is no key of a site", "did you mean `gpus_per_node`?"),
        (SLURM + "[zzz]\n", ": `zzz` is no key of a site", f"keys are {', '.join(Site.model_fields)}"),
        (SLURM + f'"{"x" * 99}" = 1', f": `{'x' * 39}…` is no key of a site", f"keys are {', '.join(Site.model_fields)}"),
        (SLURM + '"\\u001b[31m" = 1', ": `\N{REPLACEMENT CHARACTER}[31m` is no key of a site", f"keys are {', '.join(Site.model_fields)}"),
        (SLURM + "partition = 3", ": `partition` is 3, not text in quotes", ""),
        (SLURM + 'partition = "a b"', ": `partition` is 'a b', not a name that SLURM could have", ""),
        (SLURM + 'account = "x\\n#SBATCH --uid=0"', ": `account` is 'x\\n#SBATCH --uid=0', not a name that SLURM could have", ""),
        (SLURM + "nodes = 0", ": `nodes` is 0, not greater than or equal to 1", ""),
        (SLURM + "nodes = 1.5", ": `nodes` is 1.5, not a valid integer", ""),
        (SLURM + "nodes = true", ": `nodes` is True, not a valid integer", ""),
        (SLURM + 'blocks = "2"', ": `blocks` is '2', not a valid integer", ""),
        (SLURM + "walltime = 08:00:00", ": `walltime` is 08:00:00, not text in quotes", ""),
        (SLURM + 'walltime = "8h"', ": `walltime` is '8h', not hours, minutes and seconds, like \"08:00:00\"", ""),
        (SLURM + 'walltime = "08:61:00"', ": `walltime` is '08:61:00', not hours, minutes and seconds, like \"08:00:00\"", ""),
        (SLURM + 'walltime = "00:00:59"', ": `walltime` is '00:00:59', not a minute or more", ""),
        (SLURM + "patience = 0", ": `patience` is 0, not greater than 0", ""),
        (SLURM + "patience = nan", ": `patience` is nan, not a finite number", ""),
        (SLURM + 'setup = "module load x"', ": `setup` is 'module load x', not a list of lines, like [\"module load cuda\"]", ""),
        (SLURM + 'setup = ["a\\nb"]', ": `setup` is 'a\\nb', not one line", ""),
        (SLURM + "setup = [1]", ": `setup` is 1, not text in quotes", ""),
        (SLURM + 'options = ["#SBATCH --exclusive"]', ": each of `options` is as it stands behind #SBATCH, like \"--exclusive\"", ""),
        (SLURM + 'options = ["--time=1"]', ": `options` says what the key `walltime` is for", ""),
        (SLURM + 'options = ["-p gpu"]', ": `options` says what the key `partition` is for", ""),
        (SLURM + 'folder = "a b"', ": `folder` is 'a b', not a path without spaces and signs of the shell", ""),
        (SLURM + "gpus_per_node = 2\nworkers_per_node = 3", ": `workers_per_node` is 3 and `gpus_per_node` 2: each worker needs a GPU of its own", ""),
        (LOCAL + 'partition = "gpu"', ': `partition` is for the provider "slurm" only', ""),
        (LOCAL + 'walltime = "01:00:00"', ': `walltime` is for the provider "slurm" only', ""),
        (SLURM + "nodes =", " is no TOML: Invalid value (at end of document)", ""),
        (b"\xff\xfe", " is no text in UTF-8", ""),
        ("#" * 65537, " is no site: it is larger than 65536 bytes", ""),
    ],
)  # fmt: skip
def test_each_mistake(tmp_path: Path, text: str | bytes, said: str, hint: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(ScoutError) as error:
        read_site(file)
    assert (error.value.code, error.value.message, error.value.hint) == (
        "E616",
        f"{file}{said}",
        hint,
    )


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for path, why in [
        (tmp_path / "none.toml", "No such file or directory"),
        (tmp_path, "Is a directory"),
    ]:
        with pytest.raises(ScoutError, match=f"cannot be read: {why}"):
            read_site(path)


def test_a_site_stays_as_it_is() -> None:
    with pytest.raises(ValidationError):
        Site(provider="local").nodes = 2  # type: ignore[misc]
