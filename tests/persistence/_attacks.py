"""Files as strangers make them, and a watch on what loading them does."""

import contextlib
import json
import os
import sys
import zipfile

_RUNNING_CODE = {
    "code.__new__",
    "marshal.load",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "pickle.find_class",
    "pty.spawn",
    "socket.connect",
    "subprocess.Popen",
    "urllib.Request",
}
_CHANGING_FILES = {
    "os.chmod",
    "os.link",
    "os.mkdir",
    "os.putenv",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.symlink",
    "os.truncate",
    "shutil.rmtree",
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_watching = []


def _hook(event, arguments):
    if not _watching:
        return
    writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING
    if writes or event in _RUNNING_CODE | _CHANGING_FILES:
        _watching[-1].append((event, arguments))


sys.addaudithook(_hook)


@contextlib.contextmanager
def nothing_happens():
    """Fail if code is run from outside, a file is written or the network is used in this block."""
    seen = []
    # The bytecode of modules that are imported for the first time.
    writes_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    _watching.append(seen)
    try:
        yield
    finally:
        _watching.remove(seen)
        sys.dont_write_bytecode = writes_bytecode
    assert seen == []


def read_members(path):
    """The manifest of a file, parsed, and the bytes of its arrays by their names."""
    with zipfile.ZipFile(path) as members:
        found = {name: members.read(name) for name in members.namelist()}
    return json.loads(found.pop("manifest.json")), found


def write_members(path, manifest, arrays, **options):
    """A file whose check sums are right, whatever its content is."""
    text = manifest if isinstance(manifest, str | bytes) else json.dumps(manifest)
    with zipfile.ZipFile(path, "w", **options) as members:
        members.writestr("manifest.json", text)
        for name, content in arrays.items():
            members.writestr(name, content)


def write_object(path, node, *arrays):
    """A file that holds what ``node`` describes."""
    manifest = {"format": 1, "versions": {}, "object": node}
    members = {f"arrays/{number}.bin": content for number, content in enumerate(arrays)}
    write_members(path, manifest, members)


def paths_of(node, path=()):
    """Where values lie in a tree of JSON."""
    yield path
    if isinstance(node, dict | list):
        inner = node.items() if isinstance(node, dict) else enumerate(node)
        for key, item in inner:
            yield from paths_of(item, (*path, key))
