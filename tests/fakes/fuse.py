"""A file system whose server is dead: the kernel has handed it a request and waits for the answer, which no signal ends.

    with DeadFileSystem(folder) as dead:
        guard.run(..., before=dead.words)       # dead.path hangs every process that looks at it

It is mounted in namespaces of its own, which a process enters by `dead.words`. At the end of the block the server goes, and
the kernel lets everything go that waited for it. The protocol is that of linux/fuse.h.
"""

import ctypes
import os
import pathlib
import struct
import subprocess
import sys

INIT = 26
HEADER = struct.Struct("<IIQQIIII")  # fuse_in_header, of which len, opcode and unique matter here
READ_SIZE = 1 << 20


class DeadFileSystem:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder) / "dead"
        self.path = self.folder / "file"

    @property
    def words(self):
        """Before a command: into the namespaces in which it is mounted."""
        user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        return ["nsenter", "--target", str(self.server.pid), "--mount", *user]

    def __enter__(self):
        self.folder.mkdir()
        user = [] if os.geteuid() == 0 else ["--map-root-user"]
        words = ["unshare", *user, "--mount", sys.executable, "-S", __file__, str(self.folder)]
        self.server = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        said = self.server.stdout.readline()
        assert said == "ready\n", "no FUSE: /dev/fuse and the right to mount are needed"
        return self

    def wait_until_asked(self):
        assert self.server.stdout.readline() == "asked\n"

    def __exit__(self, *_):
        self.server.kill()
        self.server.wait()
        self.server.stdout.close()


def mount(fd, folder):
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"fd={fd},rootmode=40000,user_id={os.geteuid()},group_id={os.getegid()}"
    if libc.mount(b"dead", os.fsencode(folder), b"fuse", 0, options.encode()) < 0:
        raise OSError(ctypes.get_errno(), "mount")


def serve(folder):
    """Answers the kernel's first request, takes the others and answers none."""
    fd = os.open("/dev/fuse", os.O_RDWR)
    mount(fd, folder)
    print("ready", flush=True)
    while True:
        request = os.read(fd, READ_SIZE)
        _, opcode, unique, *_ = HEADER.unpack_from(request)
        if opcode == INIT:
            # fuse_out_header; fuse_init_out of version 7.31: only max_write and time_gran are not 0.
            body = struct.pack("<IIIIHHIIHHI28x", 7, 31, 0, 0, 0, 0, 4096, 1, 0, 0, 0)
            os.write(fd, struct.pack("<IiQ", 16 + len(body), 0, unique) + body)
        else:
            print("asked", flush=True)


if __name__ == "__main__":
    serve(sys.argv[1])
