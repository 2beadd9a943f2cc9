"""The Debian package, the source archive and the installation, of the build that the other tests use."""

import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from installed import BUILD, PLUGIN, ROOT, X_Y, as_nobody, output, run

NAME = f"wireshark-plugin-lt-donthave-{X_Y}"
VERSION = re.search(r"(?m)^  VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]


def cpack(folder, **options):
    return run("cpack", "--config", BUILD / "CPackConfig.cmake", "-G", "DEB", "-B", folder, **options)


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The .deb."""
    missing = [command for command in ("file", "dpkg-shlibdeps") if not shutil.which(command)]
    if missing:
        pytest.fail(f"no Debian package without {missing}: apt-get install file dpkg-dev")
    folder = tmp_path_factory.mktemp("package")
    # What the umask of its builder is does not show in a package.
    done = cpack(folder, umask=0o077)
    assert done.returncode == 0, done.stdout
    packages = list(folder.glob("*.deb"))
    assert len(packages) == 1
    return packages[0]


@pytest.fixture(scope="module")
def unpacked(package, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unpacked")
    output("dpkg-deb", "-x", package, folder)
    return folder


def field(package, name):
    return output("dpkg-deb", "-f", package, name).strip()


def test_name_holds_the_version_of_wireshark(package):
    architecture = output("dpkg", "--print-architecture").strip()
    assert field(package, "Package") == NAME
    assert field(package, "Version") == VERSION
    assert package.name == f"{NAME}_{VERSION}_{architecture}.deb"


def test_depends_on_this_wireshark_alone(package):
    """Every part of Wireshark needs a libwireshark-data that is not older than itself."""
    depends = field(package, "Depends").split(", ")
    major, minor = X_Y.split(".")
    assert f"libwireshark-data (>= {X_Y})" in depends
    assert f"libwireshark-data (<< {major}.{int(minor) + 1}~)" in depends
    # What it is linked with, as dpkg-shlibdeps finds it.
    assert re.search(r"\blibwireshark\d+ ", " ".join(depends))
    assert re.search(r"\blibglib2\.0-0", " ".join(depends))


def test_range_holds_each_release_of_this_wireshark(package):
    """Also release candidates of the next version are another Wireshark."""
    major, minor = X_Y.split(".")
    upper = re.search(r"libwireshark-data \(<< ([^)]*)\)", field(package, "Depends"))[1]
    for version, fits in [(f"{X_Y}.0-1", True), (f"{X_Y}.19-0+deb13u1", True), (f"{major}.{int(minor) + 1}.0~rc1-1", False)]:
        below = subprocess.run(["dpkg", "--compare-versions", version, "lt", upper]).returncode == 0
        assert below == fits, version


def test_other_fields(package):
    assert field(package, "Recommends") == "wireshark | tshark"
    assert field(package, "Section") == "net"
    # Of all packages of the plugin, one at a time.
    for name in ("Provides", "Conflicts", "Replaces"):
        assert field(package, name) == "wireshark-plugin-lt-donthave"
    assert field(package, "Description").startswith("Wireshark plugin for BitTorrent's lt_donthave (BEP 54)\n")


def configure(folder, maintainer):
    return run("cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", "-DBT_DONTHAVE_TESTS=OFF",
               f"-DBT_DONTHAVE_MAINTAINER={maintainer}")


def test_maintainer(package, unpacked, tmp_path):
    """A CMake variable says it, once for the package and its changelog."""
    maintainer = re.search(r"(?m)^BT_DONTHAVE_MAINTAINER:STRING=(.+)", (BUILD / "CMakeCache.txt").read_text())[1]
    assert field(package, "Maintainer") == maintainer
    changelog = output("gzip", "-dc", next(unpacked.rglob("changelog.gz")))
    assert f"\n -- {maintainer}  " in changelog

    ours = "A Packager <packager@example.org>"
    assert configure(tmp_path / "ours", ours).returncode == 0
    assert f'set(CPACK_PACKAGE_CONTACT "{ours}")' in (tmp_path / "ours" / "CPackConfig.cmake").read_text()
    assert f"\n -- {ours}  " in (tmp_path / "ours" / "debian" / "changelog").read_text()


@pytest.mark.parametrize("maintainer", ["", "packager@example.org", "A Packager <packager>"])
def test_maintainer_that_is_none(maintainer, tmp_path):
    done = configure(tmp_path, maintainer)
    assert done.returncode != 0
    assert "BT_DONTHAVE_MAINTAINER is not NAME <ADDRESS>" in done.stdout


def test_contents(unpacked):
    """The plugin where Wireshark looks for it, and what Debian wants beside it; anybody may read it."""
    found = {path.relative_to(unpacked).as_posix(): path for path in unpacked.rglob("*")}
    plugins = output("pkg-config", "--variable=plugindir", "wireshark").strip("/\n")
    files = {name for name, path in found.items() if path.is_file()}
    assert files == {f"{plugins}/epan/lt_donthave.so",
                     *(f"usr/share/wireshark/profiles/BitTorrent DontHave/{path.name}"
                       for path in (ROOT / "profiles" / "BitTorrent DontHave").iterdir()),
                     "usr/share/man/man7/lt_donthave.7.gz",
                     f"usr/share/doc/{NAME}/changelog.gz",
                     f"usr/share/doc/{NAME}/copyright"}
    for name, path in found.items():
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644), name


def test_nothing_of_the_build_folder_is_in_it(unpacked):
    plugin = next(unpacked.rglob("lt_donthave.so")).read_bytes()
    assert str(ROOT).encode() not in plugin
    assert b"RUNPATH" not in output("readelf", "-d", next(unpacked.rglob("lt_donthave.so"))).encode()


def test_packaged_plugin_works(unpacked, home):
    """tshark with the plugin out of the package lists DontHaves."""
    shutil.copytree(unpacked, home / "package")
    shutil.copy(ROOT / "captures" / "synthetic" / "port-6881.pcap", home)
    readable(home)
    folder = next((home / "package").rglob("lt_donthave.so")).parents[2]
    shown = output(*as_nobody("/nonexistent", folder), "tshark", "-r", home / "port-6881.pcap", "-Y", "bt.donthave",
                   "-T", "fields", "-e", "bt.donthave.piece_index")
    assert shown.split()


def test_lintian(package):
    if not shutil.which("lintian"):
        pytest.skip("no lintian here")
    found = run("lintian", "--allow-root", "--fail-on", "error,warning", package)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("missing", ["file", "dpkg-shlibdeps"])
def test_without_a_command_that_it_needs(missing, tmp_path):
    """One sentence, and no package."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for folder in os.environ["PATH"].split(":"):
        for path in Path(folder).glob("*"):
            if path.name != missing and not (commands / path.name).exists():
                (commands / path.name).symlink_to(path)
    done = cpack(tmp_path / "out", env=os.environ | {"PATH": str(commands)})
    assert done.returncode != 0
    said = " ".join(done.stdout.split())
    assert f"A Debian package cannot be made without the command {missing}: apt-get install file dpkg-dev" in said
    assert "Traceback" not in said and not list(tmp_path.rglob("*.deb"))


def test_source_archive(tmp_path):
    """All that belongs to the project, and nothing else."""
    output("cpack", "--config", BUILD / "CPackSourceConfig.cmake", "-B", tmp_path)
    top = f"lt_donthave-{VERSION}"
    with tarfile.open(tmp_path / f"{top}.tar.gz") as archive:
        members = {member.name: member for member in archive.getmembers()}
    files = {name.partition("/")[2] for name, member in members.items() if not member.isdir()}
    assert {name.partition("/")[0] for name in members} == {top}
    assert {"CMakeLists.txt", "README.md", "LICENSE", "packaging/lt_donthave.spec", "tools/decode"} <= files
    assert [name for name in files if re.search(r"(^|/)(build|\.git|__pycache__|node_modules)/", name)] == []
    assert members[f"{top}/tools/decode"].mode & 0o111
    if (ROOT / ".git").exists() and shutil.which("git"):
        listed = output("git", "-c", f"safe.directory={ROOT}", "-C", ROOT, "ls-files", "-co", "--exclude-standard")
        assert files == {name for name in listed.split("\n") if name and (ROOT / name).exists()}


def test_rpm_has_all_that_is_installed(tmp_path):
    """rpmbuild refuses a file that the spec does not name."""
    output("cmake", "--install", BUILD, env=os.environ | {"DESTDIR": str(tmp_path)})
    spec = (ROOT / "packaging" / "lt_donthave.spec").read_text().partition("%files")[2]
    plugins = output("pkg-config", "--variable=plugindir", "wireshark").strip()
    names = {"%{plugindir}": plugins, "%{_mandir}": "/usr/share/man", "%{_datadir}": "/usr/share"}
    patterns = [re.sub(r"%\{\w+\}", lambda macro: names[macro[0]], line) for line in spec.split() if line.startswith("%{")]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= 3
    for path in files:
        installed = Path("/") / path.relative_to(tmp_path)
        assert any(part.match(pattern) for part in (installed, *installed.parents) for pattern in patterns), installed


def test_versions_agree():
    """The RPM spec has a version of its own to write."""
    spec = (ROOT / "packaging" / "lt_donthave.spec").read_text()
    assert re.search(r"(?m)^Version:\s*(\S+)", spec)[1] == VERSION


@pytest.fixture
def home():
    """The home of a user, and a folder for Wireshark's plugins, both empty. It is not pytest's: each pytest that starts takes its
    folders from other users."""
    folder = Path(output("mktemp", "-d", "/tmp/bt-donthave-home-XXXXXX").strip())
    (folder / "plugins" / X_Y / "epan").mkdir(parents=True)
    yield folder
    shutil.rmtree(folder)


def readable(home):
    """For the user who runs tshark."""
    if os.geteuid() == 0:
        output("chown", "-R", "65534:65534", home)
    output("chmod", "-R", "u+rwX,go+rX", home)


def install(home, *places):
    for place in places:
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(PLUGIN, place)
    readable(home)


@pytest.fixture
def tools(home):
    """tools/ where any user can read it."""
    shutil.copytree(ROOT / "tools", home / "tools")
    return home / "tools"


def check_install(home, tools):
    return run(*as_nobody(home, home / "plugins"), tools / "check-install")


def personal(home):
    folders = output(*as_nobody(home, home / "plugins"), "tshark", "-G", "folders")
    return Path(re.search(r"(?m)^Personal Plugins:\s*(.*)", folders)[1]) / "epan"


def test_check_install(home, tools):
    install(home, home / "plugins" / X_Y / "epan")
    done = check_install(home, tools)
    assert done.returncode == 0, done.stdout
    assert "tshark lists the plugin: lt_donthave.so" in done.stdout


def test_check_install_finds_none(home, tools):
    install(home)
    done = check_install(home, tools)
    assert done.returncode != 0
    assert "tshark does not list lt_donthave.so." in done.stdout


def test_check_install_of_a_double_install(home, tools):
    install(home, home / "plugins" / X_Y / "epan", personal(home))
    done = check_install(home, tools)
    assert done.returncode != 0
    assert "lt_donthave.so is installed twice" in done.stdout


def test_install_user(home, tools):
    """To the folder that tshark names; check-install then finds it."""
    install(home)
    plugin = home / "built" / "lt_donthave.so"
    install(home, plugin.parent)
    output(*as_nobody(home, home / "plugins"), tools / "install-user", plugin)
    assert (personal(home) / "lt_donthave.so").exists()
    done = check_install(home, tools)
    assert done.returncode == 0, done.stdout
