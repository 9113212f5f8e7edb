/* The fuzz target: scans a block with the library and checks the properties of the result.
 *
 * libFuzzer (clang -fsanitize=fuzzer,address,undefined) brings its own main function; driver.c is the one for other
 * compilers. rules.py writes rules.h: the tables of the real program. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules.h"

#define CHECK(condition) \
    do { \
        if (!(condition)) fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition), abort(); \
    } while (0)

struct result {
    uint64_t count, length;
    int64_t *starts, *ends, *offsets;
    uint8_t *tape;
};

/* Takes the place of Python: digits are a number if the first one is even. */
static uint32_t ask(const char *digits, uint32_t length, uint32_t international, char *out) {
    CHECK(length >= 7 && length <= 17 && international <= 1);
    if (digits[0] % 2) return 0;
    out[0] = '+';
    memcpy(out + 1, digits, length);
    return length + 1;
}

static struct result take(struct sw_scanner *scanner, uint32_t field) {
    struct result result = {.count = sw_count(scanner, field), .length = sw_tape_length(scanner, field)};
    result.starts = malloc(result.count * sizeof(int64_t)); /* exact sizes, so that the sanitizer sees a write behind them */
    result.ends = malloc(result.count * sizeof(int64_t));
    result.offsets = malloc((result.count + 1) * sizeof(int64_t));
    result.tape = malloc(result.length);
    sw_take(scanner, field, result.starts, result.ends, result.offsets, result.tape);
    return result;
}

static void release(struct result result) {
    free(result.starts), free(result.ends), free(result.offsets), free(result.tape);
}

static int only(const uint8_t *form, size_t length, const char *allowed) {
    for (size_t i = 0; i < length; i++)
        if (!form[i] || !strchr(allowed, form[i])) return 0;
    return 1;
}

#define DIGITS "0123456789"
#define CAPITALS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define SMALL "abcdefghijklmnopqrstuvwxyz"

static void check_form(uint32_t field, const uint8_t *form, size_t length) {
    const uint8_t *at;
    switch (field) {
    case SW_EMAIL:
        at = memchr(form, '@', length);
        CHECK(at && at > form && !memchr(at + 1, '@', length - (size_t)(at + 1 - form)));
        CHECK(length <= 270 && only(form, length, DIGITS SMALL "@._%+-"));
        break;
    case SW_PHONE:
        CHECK(length >= 4 && length <= 22 && form[0] == '+' && only(form + 1, length - 1, DIGITS));
        break;
    case SW_RESIDENT_ID:
        CHECK(length == 18 && only(form, 17, DIGITS) && only(form + 17, 1, DIGITS "X"));
        break;
    case SW_CARD:
        CHECK(length >= 13 && length <= 19 && only(form, length, DIGITS));
        break;
    case SW_IBAN:
        CHECK(length >= 15 && length <= 34 && only(form, 2, CAPITALS) && only(form, length, DIGITS CAPITALS));
        break;
    }
}

static void check(uint32_t field, struct result result, size_t size) {
    CHECK(result.offsets[0] == 0 && result.offsets[result.count] == (int64_t)result.length);
    for (uint64_t i = 0; i < result.count; i++) {
        CHECK(result.starts[i] >= 0 && result.starts[i] < result.ends[i] && result.ends[i] <= (int64_t)size);
        CHECK(i == 0 || result.starts[i] >= result.starts[i - 1]);
        CHECK(field < SW_WALLET ? result.offsets[i] < result.offsets[i + 1] : !result.length);
        check_form(field, result.tape + result.offsets[i], (size_t)(result.offsets[i + 1] - result.offsets[i]));
    }
}

static int same(struct result one, struct result other) {
    return one.count == other.count && one.length == other.length &&
           !memcmp(one.starts, other.starts, one.count * sizeof(int64_t)) &&
           !memcmp(one.ends, other.ends, one.count * sizeof(int64_t)) &&
           !memcmp(one.tape, other.tape, one.length);
}

/* Checks the line feeds with room for all of them, and with less. */
static void check_lines(const uint8_t *block, size_t size) {
    uint64_t count = sw_line_ends(block, size, NULL, 0);
    int64_t *ends = malloc(count * sizeof(int64_t));
    for (uint64_t room = 0; room <= count; room += 1 + count / 4) CHECK(sw_line_ends(block, size, ends, room) == count);
    CHECK(sw_line_ends(block, size, ends, count) == count);
    for (size_t at = 0, line = 0; at < size || line < count; at++)
        if (at == size || block[at] == '\n') CHECK(line < count && ends[line++] == (int64_t)at);
    free(ends);
}

/* Checks that a text has the signs of its halves, unless they stand where it is cut. */
static void check_signs(const uint8_t *block, size_t size) {
    uint32_t all = sw_text_signs(block, size);
    CHECK(all < 1u << 17);
    all &= ~(1u << 16); /* digits that may be a time stand alone */
    uint8_t *twice = malloc(2 * size + 1);
    memcpy(twice, block, size), memcpy(twice + size + 1, block, size);
    twice[size] = 'a';
    CHECK((sw_text_signs(twice, 2 * size + 1) & all) == all);
    free(twice);
    uint64_t runs = sw_mask_runs(block, size, NULL, 0);
    CHECK(!runs || all >> 15 & 1);
    int64_t *places = malloc(runs * sizeof(int64_t));
    CHECK(sw_mask_runs(block, size, places, runs) == runs);
    for (uint64_t i = 0; i < runs; i++) CHECK(places[i] < (int64_t)size && (!i || places[i] > places[i - 1]));
    free(places);
}

/* Checks that masks are as long as what they replace, and that a kind is found alone as among all. */
static void check_masks(struct sw_scanner *scanner, const uint8_t *block, size_t size) {
    static const uint32_t all = (1u << (SW_MASK_SPELT_ADDRESS + 1)) - 1;
    int64_t found = sw_mask(scanner, block, size, all);
    CHECK(found >= 0 && found <= all);
    for (uint32_t kind = 0; kind < SW_MASK_SPELT_ADDRESS; kind++) {
        struct result among = take(scanner, kind);
        CHECK((among.count > 0) == (found >> kind & 1));
        for (uint64_t i = 0; i < among.count; i++) {
            int64_t start = among.starts[i], length = among.ends[i] - start;
            CHECK(start >= 0 && length > 0 && among.ends[i] <= (int64_t)size && (i == 0 || start >= among.starts[i - 1]));
            if (kind != SW_MASK_NUMBER) continue;
            CHECK(among.offsets[i + 1] - among.offsets[i] == length && (i == 0 || start >= among.ends[i - 1]));
            for (int64_t at = 0; at < length; at++) {
                uint8_t sign = among.tape[among.offsets[i] + at];
                CHECK(sign == block[start + at] || sign == '*');
            }
        }
        CHECK(sw_mask(scanner, block, size, 1u << kind | (kind == SW_MASK_NUMBER) << SW_MASK_LABELLED |
                                                (kind == SW_MASK_LABELLED) << SW_MASK_NUMBER) >= 0);
        struct result alone = take(scanner, kind);
        CHECK(same(among, alone));
        release(among), release(alone);
        CHECK(sw_mask(scanner, block, size, all) == found);
    }
}

/* Checks that a form has the same fingerprint in each number of lanes, with marks to fetch and without. */
static void check_fingerprints(struct result result) {
    static const uint8_t key[32] = "a key of thirty-two bytes, or so";
    static const uint32_t lanes[3] = {0, 8, 16};
    static const uint64_t marks[64];
    uint8_t *macs[3];
    for (int i = 0; i < 3; i++) {
        macs[i] = malloc(16 * result.count);
        sw_hmac(lanes[i], key, result.offsets, result.tape, result.count, macs[i], i ? marks : NULL, 6);
        CHECK(!result.count || !memcmp(macs[0], macs[i], 16 * result.count));
    }
    for (int i = 0; i < 3; i++) free(macs[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct sw_scanner *every, *single[SW_FIELDS]; /* reused from block to block, as in the program */
    static struct sw_rules rules[SW_FIELDS + 1];
    if (!every) {
        for (uint32_t i = 0; i <= SW_FIELDS; i++) {
            rules[i] = real_rules;
            rules[i].ask = ask;
            rules[i].fields = i < SW_FIELDS ? 1u << i : (1u << SW_FIELDS) - 1;
            rules[i].countries_of_ids = UINT32_MAX;
            *(i < SW_FIELDS ? &single[i] : &every) = sw_new(&rules[i]);
        }
        CHECK(sw_abi() == SW_ABI);
    }
    uint8_t *block = malloc(size);
    if (size) memcpy(block, data, size);
    CHECK(sw_scan(every, block, size) == 0);
    for (uint32_t field = 0; field < SW_FIELDS; field++) {
        struct result among = take(every, field);
        check(field, among, size);
        check_fingerprints(among);
        CHECK(sw_scan(single[field], block, size) == 0);
        struct result alone = take(single[field], field);
        CHECK(same(among, alone));
        release(among), release(alone);
    }
    check_lines(block, size);
    check_signs(block, size);
    check_masks(every, block, size);
    free(block);
    return 0;
}
