/* Looks fingerprints up in a segment's sorted records (matching/fingerprints/segments/format.py); see probe.py for the same
 * in numpy. Walk after walk over a group of queries, so that the memory of one is fetched while another is looked at.
 *
 * Nearly all are in no table: where a table has marks, eight bits a record, 24 of 25 are known by them.
 *
 * Whatever the file holds: each place of the directory is cut to the number of records, a bucket is halved at
 * most 32 times, and of one fingerprint SHARED records at most are looked at.
 */
#include "spillwatch.h"

#include <string.h>

#define GROUP 512 /* of which marks leave twenty, whose memory is waited for together */
#define NEAR 32 /* records of a bucket that are walked from where the fingerprint should be, unhalved */

struct record {
    uint64_t hi;
    uint32_t lo;
    uint32_t ordinal;
};

static uint64_t number8(const uint8_t *bytes) {
    uint64_t value;
    memcpy(&value, bytes, 8);
    return __builtin_bswap64(value); /* the library is built for little-endian machines only, see library.py */
}

static uint32_t number4(const uint8_t *bytes) {
    uint32_t value;
    memcpy(&value, bytes, 4);
    return __builtin_bswap32(value);
}

/* Where `hi` should be among the records low..end of its bucket, whose fingerprints are spread evenly. */
static uint64_t guess(uint64_t hi, uint32_t bits, uint64_t low, uint64_t end) {
    uint64_t rest = (hi << bits) >> 32; /* bits < 32 */
    return low + ((rest * (end - low)) >> 32);
}

/* The first record of low..end that is not below `hi`, or `end`. */
static uint64_t first_from(const struct record *records, uint64_t hi, uint64_t low, uint64_t end, uint64_t at) {
    if (end - low > NEAR) {
        while (low < end) {
            uint64_t middle = low + (end - low) / 2;
            if (records[middle].hi < hi)
                low = middle + 1;
            else
                end = middle;
        }
        return low;
    }
    while (at > low && records[at - 1].hi >= hi)
        at--;
    while (at < end && records[at].hi < hi)
        at++;
    return at;
}

/* Which bits of its word a fingerprint sets: three of 64, named by the bits next to those that name the word. */
static uint64_t mark_of(uint64_t hi, uint32_t word_bits) {
    uint64_t rest = hi >> word_bits;
    return 1ull << (rest & 63) | 1ull << (rest >> 6 & 63) | 1ull << (rest >> 12 & 63);
}

/* Sets each record's bits in its word, one of 2 to the `word_bits`, which the last bits of a fingerprint name. */
SW_PUBLIC void sw_mark(const void *table, uint64_t count, uint64_t *marks, uint32_t word_bits) {
    const struct record *records = table;
    uint64_t mask = (1ull << word_bits) - 1;
    for (uint64_t i = 0; i < count; i++) marks[records[i].hi & mask] |= mark_of(records[i].hi, word_bits);
}

/* The first walk: the queries of a group that may be in the table, in their order; all of them without marks. */
static uint64_t marked(const uint8_t *values, uint64_t group, uint64_t stride, const uint64_t *marks,
                       uint32_t word_bits, uint64_t *hi, uint32_t *query) {
    uint64_t kept = 0, mask = (1ull << word_bits) - 1;
    for (uint64_t i = 0; i < group; i++) {
        hi[i] = number8(values + i * stride);
        if (marks) __builtin_prefetch(marks + (hi[i] & mask));
    }
    for (uint64_t i = 0; i < group; i++) {
        uint64_t one = hi[i], mark = mark_of(one, word_bits);
        hi[kept] = one;
        query[kept] = (uint32_t)i;
        kept += !marks || (marks[one & mask] & mark) == mark;
    }
    return kept;
}

/* Writes for each hit the number of its query and the ordinal, from query *next on; returns how many there were.
 * Stops with *next < n where fewer than `shared` more would fit into `room`. `marks` may be NULL.
 */
SW_PUBLIC uint64_t sw_probe(const void *table, uint64_t count, const uint32_t *directory, uint32_t bits,
                            const uint64_t *marks, uint32_t word_bits, const uint8_t *values, uint64_t n,
                            uint64_t stride, uint32_t shared, uint64_t *next, int64_t *queries, uint32_t *ordinals,
                            uint64_t room) {
    const struct record *records = table;
    uint64_t hits = 0, hi[GROUP], low[GROUP], end[GROUP], at[GROUP];
    uint32_t query[GROUP];

    while (*next < n) {
        uint64_t group = n - *next < GROUP ? n - *next : GROUP;
        uint64_t kept = marked(values + *next * stride, group, stride, marks, word_bits, hi, query);
        for (uint64_t i = 0; i < kept; i++) {
            low[i] = bits ? hi[i] >> (64 - bits) : 0;
            __builtin_prefetch(directory + low[i]);
        }
        for (uint64_t i = 0; i < kept; i++) {
            const uint32_t *place = directory + low[i];
            end[i] = place[1] < count ? place[1] : count;
            low[i] = place[0] < end[i] ? place[0] : end[i];
            at[i] = guess(hi[i], bits, low[i], end[i]);
            __builtin_prefetch(records + at[i]);
        }
        for (uint64_t i = 0; i < kept; i++) {
            uint64_t number = *next + query[i];
            if (room - hits < shared) {
                *next = number;
                return hits;
            }
            uint32_t lo = number4(values + number * stride + 8);
            uint64_t found = first_from(records, hi[i], low[i], end[i], at[i]);
            uint64_t last = end[i] - found < shared ? end[i] : found + shared;
            for (; found < last && records[found].hi == hi[i]; found++) {
                if (records[found].lo == lo) {
                    queries[hits] = (int64_t)number;
                    ordinals[hits++] = records[found].ordinal;
                }
            }
        }
        *next += group;
    }
    return hits;
}
