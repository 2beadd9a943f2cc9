/* hash_with.c
 * Hashes its arguments with SHA-1, each with one call of the function that is tested, and prints the digest. Compiled
 * with -DUSE_..., and linked with the library itself, so no header of it is needed.
 *
 *   hash_with HEX...       an argument "-" ends a hash and begins another
 */

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned char digest[20];

#if defined USE_SHA1_Update
int SHA1_Init(void *hash);
int SHA1_Update(void *hash, const void *data, size_t length);
int SHA1_Final(unsigned char *out, void *hash);
static long long context[64];
#define BEGIN() SHA1_Init(context)
#define UPDATE(data, length) SHA1_Update(context, data, length)
#define END() SHA1_Final(digest, context)

#elif defined USE_EVP_DigestUpdate
void *EVP_MD_CTX_new(void);
const void *EVP_sha1(void);
int EVP_DigestInit_ex(void *hash, const void *type, void *engine);
int EVP_DigestUpdate(void *hash, const void *data, size_t length);
int EVP_DigestFinal_ex(void *hash, unsigned char *out, unsigned *length);
static void *context;
#define BEGIN() (context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha1(), NULL))
#define UPDATE(data, length) EVP_DigestUpdate(context, data, length)
#define END() EVP_DigestFinal_ex(context, digest, NULL)

#elif defined USE_nettle_sha1_update
void nettle_sha1_init(void *hash);
void nettle_sha1_update(void *hash, size_t length, const unsigned char *data);
static long long context[64];
#define BEGIN() nettle_sha1_init(context)
#define UPDATE(data, length) nettle_sha1_update(context, length, data)
#if LIBRARY_VERSION <= 8
void nettle_sha1_digest(void *hash, size_t length, unsigned char *out);
#define END() nettle_sha1_digest(context, sizeof digest, digest)
#else /* nettle 4 */
void nettle_sha1_digest(void *hash, unsigned char *out);
#define END() nettle_sha1_digest(context, digest)
#endif

#elif defined USE_gcry_md_write
const char *gcry_check_version(const char *version);
unsigned gcry_md_open(void **hash, int algorithm, unsigned flags);
void gcry_md_write(void *hash, const void *data, size_t length);
unsigned char *gcry_md_read(void *hash, int algorithm);
static void *context;
#define SHA1 2
#define BEGIN() (gcry_check_version(NULL), gcry_md_open(&context, SHA1, 0))
#define UPDATE(data, length) gcry_md_write(context, data, length)
#define END() memcpy(digest, gcry_md_read(context, SHA1), sizeof digest)

#elif defined USE_gnutls_hash
int gnutls_hash_init(void **hash, int algorithm);
int gnutls_hash(void *hash, const void *data, size_t length);
void gnutls_hash_deinit(void *hash, void *out);
static void *context;
#define SHA1 3
#define BEGIN() gnutls_hash_init(&context, SHA1)
#define UPDATE(data, length) gnutls_hash(context, data, length)
#define END() gnutls_hash_deinit(context, digest)
#endif

static void
print_digest(void)
{
    END();
    for (size_t i = 0; i < sizeof digest; i++)
        printf("%02x", digest[i]);
    puts("");
}

static void
update(const char *hex)
{
    const size_t length = strlen(hex) / 2;
    unsigned char *data = malloc(length + 1);
    for (size_t i = 0; i < length; i++) {
        const char digits[] = {hex[2 * i], hex[2 * i + 1], 0};
        data[i] = (unsigned char)strtoul(digits, NULL, 16);
    }
    UPDATE(data, length);
    free(data);
}

int
main(int count, char **arguments)
{
    BEGIN();
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "-") == 0) {
            print_digest();
            BEGIN();
        } else {
            update(arguments[i]);
        }
    }
    print_digest();
    return 0;
}
