/* HMAC-SHA256 of many short messages under one key (RFC 2104, FIPS 180-4): eight or sixteen side by side, each in one
 * lane of the processor's vectors. The first block of the inner and of the outer hash depends on the key only, so it is
 * compressed once for all messages. A message that fits into one further block (nearly every identifier does) then
 * costs two compressions: one inner, one outer.
 *
 * For a processor without AVX2 sw_hmac_lanes returns 0, and Python hashes with stringzilla. */
#include "inside.h"

#if defined SW_X86
#include <immintrin.h>
#endif

#define WORDS 16 /* of 32 bits in a block */
#define BLOCK 64 /* bytes */
#define KEY 32   /* bytes */
#define MAC 16   /* bytes of a fingerprint: the beginning of the digest */
/* Bytes of the longest message that fits into one block, beside the end mark (1) and the length (8). */
#define MOST_IN_LANE (BLOCK - 9)

static const uint32_t ROUND[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};
static const uint32_t FIRST[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

#define ROTATED(x, n) ((x) >> (n) | (x) << (32 - (n)))

/* Compresses one block. `type` is a word: a number, or a vector of numbers with one message per lane. The message
 * schedule is computed in place in `words`, sixteen words at a time. */
#define COMPRESS(type, state, words) \
    do { \
        type a = (state)[0], b = (state)[1], c = (state)[2], d = (state)[3]; \
        type e = (state)[4], f = (state)[5], g = (state)[6], h = (state)[7]; \
        _Pragma("GCC unroll 64") for (int i = 0; i < 64; i++) { \
            if (i >= WORDS) { \
                type w2 = (words)[(i + 14) % WORDS], w15 = (words)[(i + 1) % WORDS]; \
                (words)[i % WORDS] += (words)[(i + 9) % WORDS] + \
                                      (ROTATED(w2, 17) ^ ROTATED(w2, 19) ^ w2 >> 10) + \
                                      (ROTATED(w15, 7) ^ ROTATED(w15, 18) ^ w15 >> 3); \
            } \
            type one = (ROUND[i] + (words)[i % WORDS] + h) + (g ^ (e & (f ^ g))) + \
                       (ROTATED(e, 6) ^ ROTATED(e, 11) ^ ROTATED(e, 25)); \
            type two = (ROTATED(a, 2) ^ ROTATED(a, 13) ^ ROTATED(a, 22)) + ((a & b) | (c & (a | b))); \
            h = g, g = f, f = e, e = d + one, d = c, c = b, b = a, a = one + two; \
        } \
        (state)[0] += a, (state)[1] += b, (state)[2] += c, (state)[3] += d; \
        (state)[4] += e, (state)[5] += f, (state)[6] += g, (state)[7] += h; \
    } while (0)

struct states {
    uint32_t inner[8], outer[8];
};

static uint32_t big_endian(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void put_big_endian(uint8_t *bytes, uint32_t word) {
    bytes[0] = (uint8_t)(word >> 24), bytes[1] = (uint8_t)(word >> 16);
    bytes[2] = (uint8_t)(word >> 8), bytes[3] = (uint8_t)word;
}

static void compress(uint32_t state[8], const uint8_t block[BLOCK]) {
    uint32_t words[WORDS];
    for (int i = 0; i < WORDS; i++) words[i] = big_endian(block + 4 * i);
    COMPRESS(uint32_t, state, words);
}

/* `volatile` keeps the compiler from leaving this out. */
static void wipe(void *secret, size_t size) {
    volatile uint8_t *bytes = secret;
    while (size--) *bytes++ = 0;
}

static void derive_states(struct states *states, const uint8_t key[KEY]) {
    uint8_t block[BLOCK];
    for (int i = 0; i < BLOCK; i++) block[i] = (i < KEY ? key[i] : 0) ^ 0x36;
    memcpy(states->inner, FIRST, sizeof FIRST);
    compress(states->inner, block);
    for (int i = 0; i < BLOCK; i++) block[i] ^= 0x36 ^ 0x5C;
    memcpy(states->outer, FIRST, sizeof FIRST);
    compress(states->outer, block);
    wipe(block, sizeof block);
}

/* Fills the last block of a message, of which `left` bytes remain. `total`: all hashed bytes, with the key's block. */
static void fill_last_block(uint8_t block[BLOCK], const uint8_t *message, size_t left, uint64_t total) {
    memset(block, 0, BLOCK);
    if (left) memcpy(block, message, left);
    block[left] = 0x80;
    put_big_endian(block + BLOCK - 4, (uint32_t)(total * 8));
}

/* Hashes one message of less than 2^28 bytes. */
static void hash_one(const struct states *states, const uint8_t *message, size_t length, uint8_t *out) {
    uint32_t state[8];
    uint8_t block[BLOCK];
    uint64_t total = BLOCK + length;
    memcpy(state, states->inner, sizeof state);
    for (; length >= BLOCK; message += BLOCK, length -= BLOCK) compress(state, message);
    if (length > MOST_IN_LANE) { /* the length does not fit, so a block of its own follows with it */
        memset(block, 0, BLOCK);
        memcpy(block, message, length);
        block[length] = 0x80;
        compress(state, block);
        memset(block, 0, BLOCK);
        put_big_endian(block + BLOCK - 4, (uint32_t)(total * 8));
    } else {
        fill_last_block(block, message, length, total);
    }
    compress(state, block);
    uint8_t digest[32];
    for (int i = 0; i < 8; i++) put_big_endian(digest + 4 * i, state[i]);
    fill_last_block(block, digest, sizeof digest, BLOCK + sizeof digest);
    memcpy(state, states->outer, sizeof state);
    compress(state, block);
    for (int i = 0; i < MAC / 4; i++) put_big_endian(out + 4 * i, state[i]);
}

#if defined SW_X86

/* Compresses the inner and the outer block of each lane's message. The digests are in `state` then. */
#define INNER_AND_OUTER(type, states, words, state) \
    do { \
        for (int i = 0; i < 8; i++) (state)[i] = (states)->inner[i] + (type){0}; \
        COMPRESS(type, state, words); \
        for (int i = 0; i < WORDS; i++) \
            (words)[i] = i < 8 ? (state)[i] : (i == 8 ? 0x80000000u : i == 15 ? 8u * (BLOCK + 32) : 0u) + (type){0}; \
        for (int i = 0; i < 8; i++) (state)[i] = (states)->outer[i] + (type){0}; \
        COMPRESS(type, state, words); \
    } while (0)

typedef uint32_t eight_words __attribute__((vector_size(32)));
typedef uint32_t sixteen_words __attribute__((vector_size(64)));

/* Hashes the eight messages from offsets[0] on. For one longer than MOST_IN_LANE it writes the hash of an empty
 * message, which sw_hmac overwrites. */
__attribute__((target("avx2"))) static void hash_eight(const struct states *states, const int64_t *offsets,
                                                       const uint8_t *tape, uint8_t *out) {
    eight_words words[WORDS], state[8];
    for (int lane = 0; lane < 8; lane++) {
        uint8_t block[BLOCK];
        size_t length = (size_t)(offsets[lane + 1] - offsets[lane]);
        if (length > MOST_IN_LANE) length = 0;
        fill_last_block(block, tape + offsets[lane], length, BLOCK + length);
        for (int i = 0; i < WORDS; i++) words[i][lane] = big_endian(block + 4 * i);
    }
    INNER_AND_OUTER(eight_words, states, words, state);
    for (int lane = 0; lane < 8; lane++)
        for (int i = 0; i < MAC / 4; i++) put_big_endian(out + MAC * lane + 4 * i, state[i][lane]);
}

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vl")))

AVX512 static inline __m512i swap_bytes(__m512i words) {
    return _mm512_shuffle_epi8(words, _mm512_set4_epi32(0x0c0d0e0f, 0x08090a0b, 0x04050607, 0x00010203));
}

/* Sixteen messages are loaded as one vector each, but a lane needs word i of every message in vector i: a 16 x 16
 * matrix of words is transposed. This transposes the 4 x 4 words in each quarter of four vectors; transpose_quarters
 * then moves whole quarters. */
AVX512 static inline void transpose_words(__m512i *rows) {
    __m512i low = _mm512_unpacklo_epi32(rows[0], rows[1]), high = _mm512_unpackhi_epi32(rows[0], rows[1]);
    __m512i low_2 = _mm512_unpacklo_epi32(rows[2], rows[3]), high_2 = _mm512_unpackhi_epi32(rows[2], rows[3]);
    rows[0] = _mm512_unpacklo_epi64(low, low_2), rows[1] = _mm512_unpackhi_epi64(low, low_2);
    rows[2] = _mm512_unpacklo_epi64(high, high_2), rows[3] = _mm512_unpackhi_epi64(high, high_2);
}

/* Transposes the 4 x 4 quarters of four vectors, `step` vectors apart. */
AVX512 static inline void transpose_quarters(__m512i *rows, int step) {
    __m512i *a = rows, *b = a + step, *c = b + step, *d = c + step;
    __m512i even = _mm512_shuffle_i32x4(*a, *b, 0x88), odd = _mm512_shuffle_i32x4(*a, *b, 0xdd);
    __m512i even_2 = _mm512_shuffle_i32x4(*c, *d, 0x88), odd_2 = _mm512_shuffle_i32x4(*c, *d, 0xdd);
    *a = _mm512_shuffle_i32x4(even, even_2, 0x88), *b = _mm512_shuffle_i32x4(odd, odd_2, 0x88);
    *c = _mm512_shuffle_i32x4(even, even_2, 0xdd), *d = _mm512_shuffle_i32x4(odd, odd_2, 0xdd);
}

/* Loads the last blocks of sixteen messages: word i of each of them, from big-endian, into words[i]. A masked load does
 * not touch the bytes behind a message, which may lie behind the end of the tape. */
AVX512 static inline void load_blocks(const int64_t *offsets, const uint8_t *tape, __m512i words[WORDS]) {
    uint32_t bits[16];
    for (int lane = 0; lane < 16; lane++) {
        size_t length = (size_t)(offsets[lane + 1] - offsets[lane]);
        if (length > MOST_IN_LANE) length = 0;
        bits[lane] = (uint32_t)(8 * (BLOCK + length));
        __m512i message = _mm512_maskz_loadu_epi8((1ull << length) - 1, tape + offsets[lane]);
        words[lane] = swap_bytes(_mm512_mask_set1_epi8(message, 1ull << length, (char)0x80));
    }
    for (int row = 0; row < 16; row += 4) transpose_words(words + row);
    for (int row = 0; row < 4; row++) transpose_quarters(words + row, 4);
    words[WORDS - 1] = _mm512_loadu_si512(bits);
}

/* As hash_eight, for sixteen messages. */
AVX512 static void hash_sixteen(const struct states *states, const int64_t *offsets, const uint8_t *tape,
                                uint8_t *out) {
    union {
        __m512i vectors[WORDS];
        sixteen_words words[WORDS];
    } block, digest;
    load_blocks(offsets, tape, block.vectors);
    INNER_AND_OUTER(sixteen_words, states, block.words, digest.words);
    for (int i = 0; i < MAC / 4; i++) digest.vectors[i] = swap_bytes(digest.vectors[i]);
    transpose_words(digest.vectors);
    transpose_quarters(digest.vectors, 1);
    for (int i = 0; i < 4; i++) _mm512_storeu_si512(out + sizeof(__m512i) * (size_t)i, digest.vectors[i]);
}

uint32_t sw_hmac_lanes(void) {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        return 16;
    return __builtin_cpu_supports("avx2") ? 8 : 0;
}

/* Hashes up to `lanes` messages; empty ones fill the lanes that are left. */
static void hash_side_by_side(uint32_t lanes, const struct states *states, const int64_t *offsets, const uint8_t *tape,
                              uint64_t count, uint8_t *out) {
    void (*hash)(const struct states *, const int64_t *, const uint8_t *, uint8_t *) =
        lanes == 16 ? hash_sixteen : hash_eight;
    if (count == lanes) {
        hash(states, offsets, tape, out);
    } else {
        int64_t filled[16 + 1];
        uint8_t macs[16 * MAC];
        for (uint32_t i = 0; i <= lanes; i++) filled[i] = offsets[i < count ? i : count];
        hash(states, filled, tape, macs);
        memcpy(out, macs, MAC * count);
    }
}

#else

uint32_t sw_hmac_lanes(void) { return 0; }

static void hash_side_by_side(uint32_t lanes, const struct states *states, const int64_t *offsets, const uint8_t *tape,
                              uint64_t count, uint8_t *out) {
    (void)lanes, (void)states, (void)offsets, (void)tape, (void)count, (void)out;
}

#endif

/* Has the processor fetch the marks (probe.c) of these fingerprints while the next ones are hashed. A lookup that follows
 * would wait for each of them. */
static void fetch_marks(const uint64_t *marks, uint32_t word_bits, const uint8_t *macs, uint64_t count) {
    for (uint64_t i = 0; i < count; i++) {
        uint64_t hi;
        memcpy(&hi, macs + MAC * i, 8);
        __builtin_prefetch(marks + (__builtin_bswap64(hi) & ((1ull << word_bits) - 1)));
    }
}

void sw_hmac(uint32_t lanes, const uint8_t *key, const int64_t *offsets, const uint8_t *tape, uint64_t count,
             uint8_t *out, const uint64_t *marks, uint32_t word_bits) {
    struct states states;
    if (lanes > sw_hmac_lanes()) lanes = sw_hmac_lanes();
    lanes = lanes < 8 ? 0 : lanes < 16 ? 8 : 16;
    derive_states(&states, key);
    for (uint64_t i = 0; lanes && i < count; i += lanes) {
        uint64_t group = count - i < lanes ? count - i : lanes;
        hash_side_by_side(lanes, &states, offsets + i, tape, group, out + MAC * i);
        if (marks) fetch_marks(marks, word_bits, out + MAC * i, group);
    }
    for (uint64_t i = 0; i < count; i++) {
        size_t length = (size_t)(offsets[i + 1] - offsets[i]);
        if (!lanes || length > MOST_IN_LANE) hash_one(&states, tape + offsets[i], length, out + MAC * i);
    }
    wipe(&states, sizeof states);
}
