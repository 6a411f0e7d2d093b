import shutil
import subprocess
import sys

from r_bridge._installation import mark

from ._r import environment


def doctor(library, *arguments, **more):
    return subprocess.run(
        [sys.executable, "-m", "r_bridge", "doctor", *arguments],
        capture_output=True,
        text=True,
        env=environment(library, **more),
        check=False,
    )


def test_the_doctor_names_what_is_used(r_library):
    done = doctor(r_library)
    for subject in ("Python", "libpython", "keras", "R ", "rpy2", "R package sklearncnn"):
        assert f"\n{subject}" in "\n" + done.stdout
    assert f"at {sys.executable}" in done.stdout


def test_the_doctor_gives_the_line_that_installs_the_r_package(tmp_path, r_library):
    done = doctor(tmp_path)
    assert "R package sklearncnn  missing" in done.stdout
    assert f"-> {sys.executable} -m r_bridge install" in done.stdout
    assert done.returncode == 1


def test_the_doctor_says_when_r_is_missing(tmp_path):
    done = doctor(tmp_path, "--table", PATH=str(tmp_path))
    subject, found, remedy = done.stdout.splitlines()[-1].split("\t")
    assert (subject, found) == ("R", "missing")
    assert remedy.startswith("apt install")


def test_install_puts_the_package_into_a_library_and_notes_this_python(tmp_path, r_library):
    done = subprocess.run(
        [sys.executable, "-m", "r_bridge", "install", "--library", str(tmp_path)],
        capture_output=True,
        text=True,
        env=environment(r_library),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    noted = (tmp_path / "sklearncnn" / "python.txt").read_text().splitlines()
    assert noted == [sys.executable, mark()]


def test_the_doctor_says_when_the_r_package_is_of_another_version(tmp_path, r_library):
    installed = shutil.copytree(r_library / "sklearncnn", tmp_path / "sklearncnn")
    (installed / "python.txt").write_text(f"{sys.executable}\n{'0' * 64}\n")
    done = doctor(tmp_path, R_LIBS=f"{tmp_path}:{r_library}")
    assert "of another version than Python's" in done.stdout
    assert f"-> {sys.executable} -m r_bridge install" in done.stdout
    assert done.returncode == 1


def test_without_a_compiler_the_package_is_not_installed_and_the_line_that_helps_is_printed(
    tmp_path, r_library
):
    makevars = tmp_path / "Makevars"
    makevars.write_text("CC = no-such-compiler -O2\n")
    library = tmp_path / "library"
    library.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "r_bridge", "install", "--library", str(library)],
        capture_output=True,
        text=True,
        env=environment(r_library, R_MAKEVARS_USER=str(makevars)),
        check=False,
    )
    assert done.returncode == 1
    assert "there is no no-such-compiler to compile it with: apt install r-base-dev" in done.stdout
    assert list(library.iterdir()) == []
    # The doctor says so, too, as long as the package is not there.
    done = doctor(tmp_path, R_MAKEVARS_USER=str(makevars))
    assert "C compiler of R       there is no no-such-compiler" in done.stdout
    assert "C compiler" not in doctor(r_library, R_MAKEVARS_USER=str(makevars)).stdout
