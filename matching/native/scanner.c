/* Creates, runs and frees a scanner, which keeps its buffers from one block to the next, and copies results out. */
#include <stdlib.h>

#include "inside.h"

#define FIRST_ROOM 1024 /* candidates that a new bucket has room for, with 16 bytes of tape each */

#define NUMBER_FIELDS (1u << SW_PHONE | 1u << SW_RESIDENT_ID | 1u << SW_CARD | 1u << SW_IBAN)

#define D (DIGIT | LOCAL | HEX)
#define H (LETTER | LOCAL | HEX)
#define L (LETTER | LOCAL)
const uint8_t sw_class[256] = {
    ['0'] = D, ['1'] = D, ['2'] = D, ['3'] = D, ['4'] = D, ['5'] = D, ['6'] = D, ['7'] = D, ['8'] = D, ['9'] = D,
    ['A'] = H, ['B'] = H, ['C'] = H, ['D'] = H, ['E'] = H, ['F'] = H, ['G'] = L, ['H'] = L, ['I'] = L, ['J'] = L,
    ['K'] = L, ['L'] = L, ['M'] = L, ['N'] = L, ['O'] = L, ['P'] = L, ['Q'] = L, ['R'] = L, ['S'] = L, ['T'] = L,
    ['U'] = L, ['V'] = L, ['W'] = L, ['X'] = L | X, ['Y'] = L, ['Z'] = L,
    ['a'] = H, ['b'] = H, ['c'] = H, ['d'] = H, ['e'] = H, ['f'] = H, ['g'] = L, ['h'] = L, ['i'] = L, ['j'] = L,
    ['k'] = L, ['l'] = L, ['m'] = L, ['n'] = L, ['o'] = L, ['p'] = L, ['q'] = L, ['r'] = L, ['s'] = L, ['t'] = L,
    ['u'] = L, ['v'] = L, ['w'] = L, ['x'] = L | X, ['y'] = L, ['z'] = L,
    ['_'] = LOCAL | SEPARATOR, ['%'] = LOCAL, ['+'] = LOCAL, ['.'] = SEPARATOR | JOINER,
    [' '] = SEPARATOR, ['-'] = SEPARATOR | JOINER, ['('] = SEPARATOR, [')'] = SEPARATOR, ['/'] = SEPARATOR | JOINER,
    [':'] = JOINER,
};

uint32_t sw_abi(void) { return SW_ABI; }

struct sw_scanner *sw_new(const struct sw_rules *rules) {
    struct sw_scanner *scanner = calloc(1, sizeof *scanner);
    if (scanner) {
        scanner->rules = rules;
        sw_domain_slots(scanner);
        if (wanted(scanner, SW_PHONE)) sw_phone_tables(scanner);
    }
    return scanner;
}

void sw_free(struct sw_scanner *scanner) {
    if (!scanner) return;
    for (int field = 0; field < SW_FIELDS; field++) {
        free(scanner->buckets[field].found);
        free(scanner->buckets[field].tape);
    }
    free(scanner->folded);
    free(scanner->shifts);
    free(scanner);
}

int sw_scan(struct sw_scanner *scanner, const uint8_t *block, size_t length) {
    scanner->failed = false;
    scanner->block = block;
    scanner->block_length = length;
    for (int field = 0; field < SW_FIELDS; field++)
        scanner->buckets[field].count = scanner->buckets[field].tape_length = 0;
    const uint8_t *text = sw_fold(scanner, block, &length);
    if (!text) return -1;
    if (wanted(scanner, SW_EMAIL)) sw_emails(scanner, text, length);
    if (scanner->rules->fields & NUMBER_FIELDS) sw_numbers(scanner, text, length);
    sw_shapes(scanner, text, length);
    if (wanted(scanner, SW_NATIONAL)) sw_national_ids(scanner, text, length);
    return scanner->failed ? -1 : 0;
}

/* The slow path of sw_room: enlarges the field's bucket first. */
uint8_t *sw_grow(struct sw_scanner *scanner, enum sw_field field) {
    struct bucket *bucket = &scanner->buckets[field];
    if (bucket->count == bucket->room) {
        size_t room = bucket->room ? 2 * bucket->room : FIRST_ROOM;
        struct found *found = realloc(bucket->found, room * sizeof *found);
        if (!found) goto out_of_memory;
        bucket->found = found;
        bucket->room = room;
    }
    if (bucket->tape_length + LONGEST_VALUE > bucket->tape_room) {
        size_t room = bucket->tape_room ? 2 * bucket->tape_room : 16 * FIRST_ROOM;
        uint8_t *tape = realloc(bucket->tape, room);
        if (!tape) goto out_of_memory;
        bucket->tape = tape;
        bucket->tape_room = room;
    }
    return bucket->tape + bucket->tape_length;
out_of_memory:
    scanner->failed = true;
    return NULL;
}

uint64_t sw_count(const struct sw_scanner *scanner, uint32_t field) {
    return field < SW_FIELDS ? scanner->buckets[field].count : 0;
}

uint64_t sw_tape_length(const struct sw_scanner *scanner, uint32_t field) {
    return field < SW_FIELDS ? scanner->buckets[field].tape_length : 0;
}

void sw_take(const struct sw_scanner *scanner, uint32_t field, int64_t *starts, int64_t *ends, int64_t *offsets,
             uint8_t *tape) {
    if (field >= SW_FIELDS) return;
    const struct bucket *bucket = &scanner->buckets[field];
    offsets[0] = 0;
    for (size_t i = 0; i < bucket->count; i++) {
        const struct found *one = &bucket->found[i];
        if (scanner->shift_count) {
            sw_span(scanner, one->start, one->end, &starts[i], &ends[i]);
        } else {
            starts[i] = one->start;
            ends[i] = one->end;
        }
        offsets[i + 1] = one->tape_end;
    }
    if (bucket->tape_length) memcpy(tape, bucket->tape, bucket->tape_length);
}
