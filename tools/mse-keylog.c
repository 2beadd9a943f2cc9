/* mse-keylog.c
 * A library for LD_PRELOAD: logs the secrets of the encrypted connections (MSE) of the program that it is loaded into.
 *
 * Whoever speaks MSE hashes two inputs of 120 bytes with SHA-1 for each connection:
 *
 *     "keyA" S SKEY    and    "keyB" S SKEY        S: Diffie-Hellman secret, 96 bytes; SKEY: info hash, 20 bytes
 *
 * So the functions that SHA-1 input goes through stand here once more, in front of those of the crypto libraries. They
 * pass everything on, and where they see such an input, a line goes to the file that MSEKEYLOGFILE names:
 *
 *     MSE <S, 192 hex digits> <SKEY, 40 hex digits>
 *
 * tools/mse-keylog builds and loads it. A program that has its crypto library linked statically never calls these
 * functions.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LABEL_LENGTH 4
#define SECRET_LENGTH 96
#define INFO_HASH_LENGTH 20
#define INPUT_LENGTH (LABEL_LENGTH + SECRET_LENGTH + INFO_HASH_LENGTH)
#define LINE_LENGTH (sizeof "MSE " - 1 + 2 * SECRET_LENGTH + 1 + 2 * INFO_HASH_LENGTH + 1)

#define EXPORTED __attribute__((visibility("default")))

/* --- the key log --- */

/* The file as this process knows it. Everything is read and written under `mutex`. */
static struct {
    pthread_mutex_t mutex;
    char *name;         /* absolute or not, as MSEKEYLOGFILE had it at the start; NULL: log nothing */
    dev_t device;       /* of the file that the rest is about: it may be replaced by another */
    ino_t inode;
    off_t known;        /* bytes that have been read */
    uint64_t *prints;   /* a fingerprint of each line in them that is as long as ours */
    size_t count;
    size_t capacity;
    bool complained;
} key_log = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void
complain(const char *what)
{
    if (!key_log.complained)
        dprintf(STDERR_FILENO, "mse-keylog: %s %s: %s\n", what, key_log.name, strerror(errno));
    key_log.complained = true;
}

/* FNV-1a. A line is mistaken for another one once in 2^64. */
static uint64_t
fingerprint(const char *line)
{
    uint64_t hash = 0xcbf29ce484222325U;
    for (size_t i = 0; i < LINE_LENGTH; i++)
        hash = (hash ^ (uint8_t)line[i]) * 0x100000001b3U;
    return hash;
}

static bool
is_known(const char *line)
{
    const uint64_t print = fingerprint(line);
    for (size_t i = 0; i < key_log.count; i++)
        if (key_log.prints[i] == print)
            return true;
    return false;
}

/* Without memory the line is forgotten, and may be written twice. */
static void
remember(const char *line)
{
    if (key_log.count == key_log.capacity) {
        const size_t capacity = key_log.capacity ? 2 * key_log.capacity : 64;
        uint64_t *prints = realloc(key_log.prints, capacity * sizeof *prints);
        if (!prints)
            return;
        key_log.prints = prints;
        key_log.capacity = capacity;
    }
    key_log.prints[key_log.count++] = fingerprint(line);
}

/* Reads what this and other processes have added since the last time. Returns whether the last line is complete. */
static bool
catch_up(int file)
{
    static char chunk[64 * LINE_LENGTH];
    struct stat now;
    if (fstat(file, &now) == 0 &&
        (now.st_dev != key_log.device || now.st_ino != key_log.inode || now.st_size < key_log.known)) {
        key_log.device = now.st_dev;
        key_log.inode = now.st_ino;
        key_log.known = 0;
        key_log.count = 0;
    }
    for (;;) {
        const ssize_t length = pread(file, chunk, sizeof chunk, key_log.known);
        if (length <= 0)
            return true;
        const char *line = chunk, *end;
        while ((end = memchr(line, '\n', (size_t)(chunk + length - line)))) {
            if (end + 1 - line == LINE_LENGTH)
                remember(line);
            line = end + 1;
        }
        if (line == chunk) {
            if ((size_t)length < sizeof chunk)
                return false;
            line = chunk + length; /* the middle of a line that is longer than any of ours */
        }
        key_log.known += line - chunk;
    }
}

/* Appends a line, which stands after a newline in the buffer, unless the file has it already. */
static void
append(const char newline_and_line[1 + LINE_LENGTH])
{
    const char *line = newline_and_line + 1;
    int file = open(key_log.name, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (file < 0) {
        complain("cannot open");
        return;
    }
    /* Other processes may have the same file. Without locks (some network file systems) there can be doubles. */
    while (flock(file, LOCK_EX) != 0 && errno == EINTR)
        continue;
    const bool complete = catch_up(file);
    if (!is_known(line)) {
        const char *text = complete ? line : newline_and_line;
        const size_t length = LINE_LENGTH + (complete ? 0 : 1);
        if (write(file, text, length) != (ssize_t)length)
            complain("cannot write to");
    }
    close(file);
}

static char *
put_hex(char *out, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        *out++ = "0123456789abcdef"[bytes[i] >> 4];
        *out++ = "0123456789abcdef"[bytes[i] & 15];
    }
    return out;
}

static void
log_secret(const uint8_t *secret, const uint8_t *info_hash)
{
    char text[1 + LINE_LENGTH] = "\nMSE ";
    char *end = put_hex(text + 5, secret, SECRET_LENGTH);
    *end++ = ' ';
    end = put_hex(end, info_hash, INFO_HASH_LENGTH);
    *end = '\n';

    const int error = errno;
    pthread_mutex_lock(&key_log.mutex);
    if (key_log.name)
        append(text);
    pthread_mutex_unlock(&key_log.mutex);
    errno = error;
}

static void
lock(void)
{
    pthread_mutex_lock(&key_log.mutex);
}

static void
unlock(void)
{
    pthread_mutex_unlock(&key_log.mutex);
}

__attribute__((constructor)) static void
start(void)
{
    const char *name = getenv("MSEKEYLOGFILE");
    if (name && *name)
        key_log.name = strdup(name);
    pthread_atfork(lock, unlock, unlock); /* or a child could begin with a lock that nobody opens */
}

/* --- the input of hashes --- */

/* An input that began with a label, as far as it has come: in one update or in several. A thread finishes one of them
 * before it begins the next. */
static _Thread_local struct {
    const void *hash;   /* the caller's handle or context; NULL: nothing is begun */
    size_t length;
    uint8_t bytes[INPUT_LENGTH];
} input;

static void
watch(const void *hash, const void *data, size_t length)
{
    if (length >= LABEL_LENGTH && (memcmp(data, "keyA", LABEL_LENGTH) == 0 || memcmp(data, "keyB", LABEL_LENGTH) == 0)) {
        input.hash = hash;
        input.length = 0;
    } else if (hash != input.hash || length == 0) {
        return;
    }
    if (length > INPUT_LENGTH - input.length) {
        input.hash = NULL;
        return;
    }
    memcpy(input.bytes + input.length, data, length);
    input.length += length;
    if (input.length == INPUT_LENGTH) {
        input.hash = NULL;
        log_secret(input.bytes + LABEL_LENGTH, input.bytes + LABEL_LENGTH + SECRET_LENGTH);
    }
}

/* --- the functions of the crypto libraries --- */

typedef void (*any_function)(void);

/* dlsym() as a function pointer, which ISO C does not convert an object pointer to. */
static any_function
symbol(void *library, const char *name)
{
    any_function function = NULL;
    void *found = dlsym(library, name);
    memcpy(&function, &found, sizeof function);
    return function;
}

static any_function
symbol_of(const char *library_name, const char *name)
{
    void *library = dlopen(library_name, RTLD_LAZY | RTLD_NOLOAD);
    if (!library)
        return NULL;
    any_function function = symbol(library, name);
    dlclose(library); /* it stays loaded: whoever loaded it still has it */
    return function;
}

/* The function that would have been called without us. RTLD_NEXT does not see a library that was loaded with RTLD_LOCAL,
 * as python and node load their modules: it is looked for where the calling module would find it, and then by name. */
static any_function
real_function(const char *name, void *caller)
{
    static const char *const libraries[] = {
        "libcrypto.so.3", "libcrypto.so.1.1", "libnettle.so.8", "libgcrypt.so.20", "libgnutls.so.30",
    };
    Dl_info module;
    any_function function = symbol(RTLD_NEXT, name);
    if (!function && dladdr(caller, &module))
        function = symbol_of(module.dli_fname, name);
    for (size_t i = 0; !function && i < sizeof libraries / sizeof *libraries; i++)
        function = symbol_of(libraries[i], name);
    if (!function) {
        dprintf(STDERR_FILENO, "mse-keylog: cannot find the library's own %s\n", name);
        abort(); /* the program would go on with wrong hashes */
    }
    return function;
}

/* REAL(type, name): the library's own function, looked up by the first call. */
#define REAL(type, name)                                                             \
    static _Atomic(any_function) real;                                               \
    any_function known = atomic_load_explicit(&real, memory_order_relaxed);          \
    if (!known) {                                                                    \
        known = real_function(name, __builtin_return_address(0));                    \
        atomic_store_explicit(&real, known, memory_order_relaxed);                   \
    }                                                                                \
    type function = (type)known

typedef int (*data_then_length)(void *, const void *, size_t);
typedef void (*write_data)(void *, const void *, size_t);
typedef void (*length_then_data)(void *, size_t, const uint8_t *);

EXPORTED int SHA1_Update(void *hash, const void *data, size_t length);
EXPORTED int EVP_DigestUpdate(void *hash, const void *data, size_t length);
EXPORTED int gnutls_hash(void *hash, const void *data, size_t length);
EXPORTED void gcry_md_write(void *hash, const void *data, size_t length);
EXPORTED void nettle_sha1_update(void *hash, size_t length, const uint8_t *data);

int /* OpenSSL: libtorrent */
SHA1_Update(void *hash, const void *data, size_t length)
{
    REAL(data_then_length, "SHA1_Update");
    watch(hash, data, length);
    return function(hash, data, length);
}

int /* OpenSSL: Transmission, newer libtorrent, python's hashlib */
EVP_DigestUpdate(void *hash, const void *data, size_t length)
{
    REAL(data_then_length, "EVP_DigestUpdate");
    watch(hash, data, length);
    return function(hash, data, length);
}

int /* GnuTLS */
gnutls_hash(void *hash, const void *data, size_t length)
{
    REAL(data_then_length, "gnutls_hash");
    watch(hash, data, length);
    return function(hash, data, length);
}

void /* libgcrypt */
gcry_md_write(void *hash, const void *data, size_t length)
{
    REAL(write_data, "gcry_md_write");
    watch(hash, data, length);
    function(hash, data, length);
}

void /* nettle: aria2 */
nettle_sha1_update(void *hash, size_t length, const uint8_t *data)
{
    REAL(length_then_data, "nettle_sha1_update");
    watch(hash, data, length);
    function(hash, length, data);
}
