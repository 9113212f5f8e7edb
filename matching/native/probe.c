/* Looks fingerprints up in a segment's sorted records (matching/segments/format.py); see probe.py for the same
 * in numpy. Two walks over a group of queries, so that the memory of one is fetched while another is looked at.
 *
 * Whatever the file holds: each place of the directory is cut to the number of records, a bucket is halved at
 * most 32 times, and of one fingerprint SHARED records at most are looked at.
 */
#include "spillwatch.h"

#include <string.h>

#define GROUP 32
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

/* Writes for each hit the number of its query and the ordinal, from query *next on; returns how many there were.
 * Stops with *next < n where fewer than `shared` more would fit into `room`.
 */
SW_PUBLIC uint64_t sw_probe(const void *table, uint64_t count, const uint32_t *directory, uint32_t bits,
                            const uint8_t *values, uint64_t n, uint64_t stride, uint32_t shared, uint64_t *next,
                            int64_t *queries, uint32_t *ordinals, uint64_t room) {
    const struct record *records = table;
    uint64_t hits = 0, hi[GROUP], low[GROUP], end[GROUP], at[GROUP];

    while (*next < n) {
        uint64_t group = n - *next < GROUP ? n - *next : GROUP;
        for (uint64_t i = 0; i < group; i++) {
            hi[i] = number8(values + (*next + i) * stride);
            low[i] = bits ? hi[i] >> (64 - bits) : 0;
            __builtin_prefetch(directory + low[i]);
        }
        for (uint64_t i = 0; i < group; i++) {
            const uint32_t *place = directory + low[i];
            end[i] = place[1] < count ? place[1] : count;
            low[i] = place[0] < end[i] ? place[0] : end[i];
            at[i] = guess(hi[i], bits, low[i], end[i]);
            __builtin_prefetch(records + at[i]);
        }
        for (uint64_t i = 0; i < group; i++) {
            if (room - hits < shared) {
                *next += i;
                return hits;
            }
            uint32_t lo = number4(values + (*next + i) * stride + 8);
            uint64_t found = first_from(records, hi[i], low[i], end[i], at[i]);
            uint64_t last = end[i] - found < shared ? end[i] : found + shared;
            for (; found < last && records[found].hi == hi[i]; found++) {
                if (records[found].lo == lo) {
                    queries[hits] = (int64_t)(*next + i);
                    ordinals[hits++] = records[found].ordinal;
                }
            }
        }
        *next += group;
    }
    return hits;
}
