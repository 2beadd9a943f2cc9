"""What tshark has allocated at the same time at the most: the same on each run, and fast, as nothing but malloc() is watched."""

import os
import subprocess

# Counts what is allocated at the same time, and writes the most to the file most in $COUNTED when the program ends; and to
# made, how many bytes libgcrypt enciphered.
COUNTER = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void __libc_free(void *);
static atomic_long now, most, made;
static void add(long size)
{
    long sum = atomic_fetch_add(&now, size) + size;
    if (sum > atomic_load(&most))
        atomic_store(&most, sum);
}
static void *added(void *memory) { add((long)malloc_usable_size(memory)); return memory; }
void *malloc(size_t size) { return added(__libc_malloc(size)); }
void *calloc(size_t count, size_t size) { return added(__libc_calloc(count, size)); }
void *realloc(void *memory, size_t size)
{
    add(-(long)malloc_usable_size(memory));
    return added(__libc_realloc(memory, size));
}
void free(void *memory) { add(-(long)malloc_usable_size(memory)); __libc_free(memory); }
unsigned gcry_cipher_encrypt(void *handle, void *out, size_t size, const void *in, size_t in_size)
{
    typedef unsigned enciphers(void *, void *, size_t, const void *, size_t);
    atomic_fetch_add(&made, (long)size);
    return ((enciphers *)dlsym(RTLD_NEXT, "gcry_cipher_encrypt"))(handle, out, size, in, in_size);
}
static void write_number(const char *name, long number)
{
    char path[1000];
    snprintf(path, sizeof path, "%s/%s", getenv("COUNTED"), name);
    FILE *file = fopen(path, "w");
    fprintf(file, "%ld", number);
    fclose(file);
}
__attribute__((destructor)) static void tell(void)
{
    write_number("most", atomic_load(&most));
    write_number("made", atomic_load(&made));
}
"""


class Counter:
    """A folder with the library; `made`, of the last run: bytes that were enciphered."""

    def __init__(self, folder):
        self.folder, self.made = folder, 0
        folder.mkdir()
        folder.chmod(0o777)
        (folder / "counter.c").write_text(COUNTER)
        subprocess.run([os.environ.get("CC", "cc"), "-O1", "-fno-builtin", "-shared", "-fPIC", folder / "counter.c", "-o",
                        folder / "counter.so"], check=True)
        (folder / "counter.so").chmod(0o755)

    def largest(self, command):
        """The most that a command of Tshark.command() has allocated at the same time, in bytes."""
        at = command.index("tshark")
        # One malloc for each allocation, so that no unused part of a block counts.
        subprocess.run([*command[:at], "WIRESHARK_DEBUG_WMEM_OVERRIDE=simple", f"LD_PRELOAD={self.folder / 'counter.so'}",
                        f"COUNTED={self.folder}", *command[at:]], check=True, stdout=subprocess.DEVNULL)
        self.made = int((self.folder / "made").read_text())
        return int((self.folder / "most").read_text())
