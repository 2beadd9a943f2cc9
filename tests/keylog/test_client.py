"""tools/mse-keylog: the client that it runs is unchanged, and followed into its children and libraries."""

import fcntl
import sys
import threading
import time

from keylog_tool import BOTH_KEYS, LINE, OTHER_SKEY, PYTHON, S, SKEY, compile_c, digests, in_hex, library, line


def test_the_client_forks_while_a_thread_logs(tool, tmp_path):
    """The child can log all the same. A thread hangs in the hook here, as somebody else has locked the file."""
    gcrypt, _ = library("libgcrypt")
    about_to_fork = tmp_path / "about to fork"
    tool.keys.touch()
    tool.keys.chmod(0o600)

    def release(locked):
        while not about_to_fork.exists():
            time.sleep(0.05)
        time.sleep(1)
        fcntl.flock(locked, fcntl.LOCK_UN)

    with open(tool.keys) as locked:
        fcntl.flock(locked, fcntl.LOCK_EX)
        releasing = threading.Thread(target=release, args=(locked,), daemon=True)
        releasing.start()
        done = tool.log(sys.executable, "-c", f"""import ctypes, hashlib, os, threading, time
gcrypt = ctypes.CDLL({gcrypt!r}, ctypes.RTLD_LOCAL)
gcrypt.gcry_check_version(None)
hash = ctypes.c_void_p()
gcrypt.gcry_md_open(ctypes.byref(hash), 2, 0)
data = {b"keyA" + S + SKEY!r}
thread = threading.Thread(target=lambda: ctypes.CDLL(None).gcry_md_write(hash, data, ctypes.c_size_t(len(data))))
thread.start()
time.sleep(0.5)
print(os.stat({str(tool.keys)!r}).st_size, flush=True)
open({str(about_to_fork)!r}, "w").close()
if os.fork() == 0:
    hashlib.sha1({b"keyA" + S + OTHER_SKEY!r})
    os._exit(0)
os.wait()
thread.join()""")
        releasing.join(10)
    assert done.stdout == "0\n"
    assert tool.lines() == [LINE, line(S, OTHER_SKEY)]


def test_children_are_followed(tool):
    """A client that a script starts, in the background, in another folder; the log's name is relative."""
    client = f"cd / && '{sys.executable}' -c '{PYTHON}' {' '.join(in_hex(BOTH_KEYS))} & wait"
    tool.log("sh", "-c", client, cwd=tool.top, MSEKEYLOGFILE=tool.keys.name)
    assert tool.lines() == [LINE]


def test_the_client_forks(tool):
    """As daemons do: the child logs what it hashes."""
    tool.log(sys.executable, "-c", f"""import hashlib, os
hashlib.sha1({b"keyA" + S + SKEY!r})
if os.fork() == 0:
    hashlib.sha1({b"keyA" + S + OTHER_SKEY!r})
else:
    os.wait()""")
    assert tool.lines() == [LINE, line(S, OTHER_SKEY)]


def test_library_that_the_caller_does_not_name(tool):
    """A library loaded with RTLD_LOCAL, called from a module that has no tie to it: it is found by its name."""
    gcrypt, _ = library("libgcrypt")
    tool.log(sys.executable, "-c", f"""import ctypes
gcrypt = ctypes.CDLL({gcrypt!r}, ctypes.RTLD_LOCAL)
gcrypt.gcry_check_version(None)
hash = ctypes.c_void_p()
gcrypt.gcry_md_open(ctypes.byref(hash), 2, 0)
data = {b"keyA" + S + SKEY!r}
ctypes.CDLL(None).gcry_md_write(hash, data, ctypes.c_size_t(len(data)))
gcrypt.gcry_md_read.restype = ctypes.c_void_p
assert ctypes.string_at(gcrypt.gcry_md_read(hash, 2), 20).hex() == {digests([[b"keyA", S, SKEY]])[0]!r}""")
    assert tool.lines() == [LINE]


def test_library_of_another_name(tool, tmp_path):
    """One that a module brings along, loaded with RTLD_LOCAL, is found as the loader finds it for the module."""
    tmp_path.joinpath("own.c").write_text("int SHA1_Update(void *hash, const void *data, unsigned long length);\n"
                                          "int SHA1_Update(void *hash, const void *data, unsigned long length)\n"
                                          "{ return hash && data ? (int)length + 1 : 0; }\n")
    tmp_path.joinpath("module.c").write_text("int SHA1_Update(void *hash, const void *data, unsigned long length);\n"
                                             "int call(void *hash, const void *data, unsigned long length);\n"
                                             "int call(void *hash, const void *data, unsigned long length)\n"
                                             "{ int result = SHA1_Update(hash, data, length); return result; }\n")
    compile_c(tmp_path / "own.c", tmp_path / "own.so", "-fPIC", "-shared")
    compile_c(tmp_path / "module.c", tmp_path / "module.so", "-fPIC", "-shared", str(tmp_path / "own.so"))
    done = tool.log(sys.executable, "-c", f"""import ctypes
data = {b"keyA" + S + SKEY!r}
print(ctypes.CDLL({str(tmp_path / "module.so")!r}).call(data, data, ctypes.c_size_t(len(data))))""")
    assert done.stdout == f"{len(b'keyA' + S + SKEY) + 1}\n"
    assert tool.lines() == [LINE]


def test_exit_status_and_output_are_the_clients(tool):
    done = tool.log("sh", "-c", "echo \"$1\"; echo err >&2; exit 3", "sh", "an argument", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, "an argument\n", "err\n")


def test_its_own_preloaded_libraries_stay(tool):
    """A client that has LD_PRELOAD set already keeps it, after ours."""
    libc = library("libc")[0]
    done = tool.log("sh", "-c", "echo $LD_PRELOAD", LD_PRELOAD=libc)
    assert done.stdout.split(":")[1:] == [f"{libc}\n"]
