/* Looks fingerprints up in a segment's sorted records (matching/fingerprints/segments/format.py). segments/probe.py
 * does the same in numpy.
 *
 * A lookup takes three reads from memory (mark, directory, record), and each would wait for the one before. So a group
 * of queries is handled in three passes: each pass reads what the pass before has prefetched, for all of the group.
 *
 * Nearly all queries are in no table. Where a table has marks, eight bits per record, they rule out 24 of 25 of those.
 *
 * A damaged file cannot lead outside the records: every place in the directory is cut to their number, a bucket is
 * halved 32 times at most, and at most `shared` records of one fingerprint are read.
 */
#include "spillwatch.h"

#include <string.h>

#define GROUP 512 /* queries; marks leave about twenty of them, whose reads are in flight together */
#define NEAR 32   /* records: smaller buckets are searched from the expected place on, larger ones are halved */

struct record {
    uint64_t hi;
    uint32_t lo;
    uint32_t ordinal;
};

static uint64_t read_8_bytes(const uint8_t *bytes) {
    uint64_t value;
    memcpy(&value, bytes, 8);
    return __builtin_bswap64(value); /* for little-endian machines only: see probe.py */
}

static uint32_t read_4_bytes(const uint8_t *bytes) {
    uint32_t value;
    memcpy(&value, bytes, 4);
    return __builtin_bswap32(value);
}

/* Returns where `hi` should be among the records low..end of its bucket, because fingerprints are spread evenly. */
static uint64_t expected_place(uint64_t hi, uint32_t bits, uint64_t low, uint64_t end) {
    uint64_t rest = (hi << bits) >> 32; /* bits < 32 */
    return low + ((rest * (end - low)) >> 32);
}

/* Returns the first record of low..end that is not below `hi`, or `end`. The search begins at `at`. */
static uint64_t lower_bound(const struct record *records, uint64_t hi, uint64_t low, uint64_t end, uint64_t at) {
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

/* Returns the three bits that a fingerprint sets in its word of 64. The word is chosen by the last `word_bits` bits of
 * the fingerprint, the three bits by the eighteen before those. */
static uint64_t mark_of(uint64_t hi, uint32_t word_bits) {
    uint64_t rest = hi >> word_bits;
    return 1ull << (rest & 63) | 1ull << (rest >> 6 & 63) | 1ull << (rest >> 12 & 63);
}

/* Sets the marks of all records. There are 2 to the power of `word_bits` words. */
SW_PUBLIC void sw_mark(const void *table, uint64_t count, uint64_t *marks, uint32_t word_bits) {
    const struct record *records = table;
    uint64_t mask = (1ull << word_bits) - 1;
    for (uint64_t i = 0; i < count; i++) marks[records[i].hi & mask] |= mark_of(records[i].hi, word_bits);
}

/* The first pass: keeps the queries of a group that may be in the table, in their order; all of them without marks.
 * Returns how many. */
static uint64_t keep_marked(const uint8_t *values, uint64_t group, uint64_t stride, const uint64_t *marks,
                            uint32_t word_bits, uint64_t *hi, uint32_t *query) {
    uint64_t kept = 0, mask = (1ull << word_bits) - 1;
    for (uint64_t i = 0; i < group; i++) {
        hi[i] = read_8_bytes(values + i * stride);
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

/* Writes the number of the query and the ordinal of each hit, from query *next on. Returns the number of hits. Stops
 * with *next < n where `shared` more hits might not fit into `room`. `marks` may be NULL.
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
        uint64_t kept = keep_marked(values + *next * stride, group, stride, marks, word_bits, hi, query);
        for (uint64_t i = 0; i < kept; i++) {
            low[i] = bits ? hi[i] >> (64 - bits) : 0;
            __builtin_prefetch(directory + low[i]);
        }
        for (uint64_t i = 0; i < kept; i++) {
            const uint32_t *place = directory + low[i];
            end[i] = place[1] < count ? place[1] : count;
            low[i] = place[0] < end[i] ? place[0] : end[i];
            at[i] = expected_place(hi[i], bits, low[i], end[i]);
            __builtin_prefetch(records + at[i]);
        }
        for (uint64_t i = 0; i < kept; i++) {
            uint64_t number = *next + query[i];
            if (room - hits < shared) {
                *next = number;
                return hits;
            }
            uint32_t lo = read_4_bytes(values + number * stride + 8);
            uint64_t found = lower_bound(records, hi[i], low[i], end[i], at[i]);
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
