"""What the repository says about itself is true, and says nothing of the machines that it was made on."""

import ast
import re
import subprocess

from postroom.clock import now
from postroom.connectors import registry
from postroom.connectors.http import Http
from postroom.domain.capabilities import Settles
from tests.house.tree import ROOT, SERVER, SRC, committed, is_built, must_exist, source, sources

README = (ROOT / "README.md").read_text()

# Written in pieces, so that this file does not find itself.
PLACES = [
    "/" + "work/",
    "/" + "root/",
    r"/" + r"home/\w",
    r"\.\./" + "shared",
    "py" + r"pi\.org",
    "python" + "hosted",
    "registry" + r"\.npm",
    "deb" + r"\.debian",
    "extra-" + "index-url",
    "find-" + "links=",
]


def test_the_readme_begins_with_the_two_commands() -> None:
    commands = re.findall(r"^```\w*\n(.*?)^```", README, re.M | re.S)
    assert re.findall(r"^make \w+", commands[0], re.M) == ["make run", "make test"]


def test_ci_checks_and_then_runs_the_readmes_test_command() -> None:
    path = ROOT / ".ci" / "run"
    assert path.stat().st_mode & 0o111
    steps = [line.partition(" || ")[0] for line in path.read_text().splitlines() if line.startswith("make ")]
    steps = [step for step in steps if "--version" not in step]
    assert steps == ["make -j3 check parts", "make test"]


def test_make_has_every_target_that_is_promised() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert {"install", "run", "test", "test-long", "mutants", "check", "bench", "clean"} <= targets


def test_every_promise_has_its_file_and_the_readme_says_whether_it_is_held() -> None:
    rows = re.findall(r"^\| (P\d) \|.*`(tests/promises/\w+\.py)` \| (.*?) \|$", README, re.M)
    assert [name for name, _, _ in rows] == [f"P{number}" for number in range(1, 9)]
    for name, path, state in rows:
        assert state in ("held", "in part", "to come"), name
        assert path.startswith(f"tests/promises/{name.lower()}_")
        assert (ROOT / path).exists() == (state != "to come"), f"{name} is said to be {state}"


def test_decisions_are_numbered_without_gaps_and_say_why() -> None:
    records = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert [int(path.name[:4]) for path in records] == list(range(1, len(records) + 1))
    for path in records:
        headings = re.findall(r"^## (.+)$", path.read_text(), re.M)
        assert headings == ["Context", "Decision", "Alternatives", "What would change our mind"], path.name
    index = (ROOT / "docs" / "decisions" / "README.md").read_text()
    assert [path.name for path in records if path.name not in index] == []


def test_the_changelog_has_a_place_for_what_comes() -> None:
    assert re.search(r"^## Unreleased$", (ROOT / "CHANGELOG.md").read_text(), re.M)


def test_every_setting_is_documented() -> None:
    if not must_exist(SERVER / "settings.py"):
        return
    page = (ROOT / "docs" / "reference" / "settings.md").read_text()
    names = {
        name for found in sources(SERVER) for name in re.findall(r"\bPOSTROOM_[A-Z][A-Z0-9_]*[A-Z0-9]\b", found.text)
    }
    for node in ast.walk(source(SERVER / "settings.py").tree):
        if isinstance(node, ast.ClassDef) and node.name == "Settings":
            fields = [each.target for each in node.body if isinstance(each, ast.AnnAssign)]
            names |= {f"POSTROOM_{field.id.upper()}" for field in fields if isinstance(field, ast.Name)}
    assert names, "settings.py has no setting that this test can see"
    assert sorted(name for name in names if name not in page) == []


def test_nothing_that_is_committed_names_a_machine_or_a_registry() -> None:
    places = re.compile("|".join(PLACES))
    found = []
    for path in committed():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {match.group()}" for match in places.finditer(text)]
    assert found == []


def test_no_link_of_a_page_is_dead() -> None:
    dead = []
    for page in [path for path in committed() if path.suffix == ".md"]:
        for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text()):
            name, _, anchor = link.partition("#")
            target = page.parent / name if name else page
            if not target.exists() or (anchor and anchor not in _anchors(target.read_text())):
                dead.append(f"{page.relative_to(ROOT)}: {link}")
    assert dead == []


def _anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_the_readme_names_every_network_and_what_it_says_of_them_is_what_they_declare() -> None:
    rows = re.findall(r"^\| \[[\w ]+\]\(src/postroom/connectors/(\w+)/README.md\)(.*)\|$", README, re.M)
    declared = {
        name: connector.capabilities.publish
        for name, connector in registry.installed(Http(), "", now, {}).items()
        if (SERVER / "connectors" / name).is_dir()
    }
    assert sorted(name for name, _ in rows) == sorted(declared)
    for name, row in rows:
        publish = declared[name]
        says = dict.fromkeys(("threads", "image", "video", "exactly one"), False)
        if publish is not None:
            says = {"threads": publish.threads, "image": publish.images is not None, "video": publish.video is not None}
            says["exactly one"] = publish.settles is Settles.ALWAYS
        assert {word: word in row for word in says} == says, name


def test_every_lock_file_pins_every_package() -> None:
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        loose = [line for line in path.read_text().splitlines() if not re.match(r"[a-z0-9.-]+==[\w.]+( ; .+)?$", line)]
        assert loose == [], path.name


def test_the_lock_files_agree_on_what_they_share() -> None:
    pins: dict[str, set[str]] = {}
    for name in ("run", "test", "dev", "bench"):
        for line in (ROOT / "requirements" / f"{name}.txt").read_text().splitlines():
            package, _, version = line.partition(" ;")[0].partition("==")
            if " ;" not in line:
                pins.setdefault(package, set()).add(version)
    assert {package: versions for package, versions in pins.items() if len(versions) > 1} == {}


def test_the_version_has_one_place() -> None:
    assert re.search(r'^__version__ = "\d+\.\d+\.\d+', (SRC / "postroom" / "__init__.py").read_text(), re.M)
    assert not is_built() or (SRC / "postroom" / "cli" / "__init__.py").exists()


def test_every_mutant_still_fits_the_code_that_it_breaks() -> None:
    patches = sorted((ROOT / "tests" / "mutants").glob("*.patch"))
    assert patches
    torn = [
        path.name
        for path in patches
        if subprocess.run(["git", "apply", "--check", path], cwd=ROOT, capture_output=True, check=False).returncode
    ]
    assert torn == []
