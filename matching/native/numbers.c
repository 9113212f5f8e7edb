/* Runs of digits, and which numbers they may be: the order and the rules of identifiers/numbers.py.
 *
 * A run is groups of digits with at most two separators between two of them. A number is written in one to six whole
 * groups of a run, so each group may begin six numbers. The groups are kept in a ring, because a run may be as long as
 * the block, and each character of it is read once. */
#include "digits.h"

#define MOST_GROUPS 6
#define MOST_DIGITS 19
#define SHORTEST 7
#define SHORTEST_PHONE 7
#define LONGEST_PHONE 17

/* Returns where the next group of the run begins behind a group that ends at `at`, or `at` where none follows. */
static size_t next_group(const uint8_t *text, size_t at, size_t length) {
    size_t next = at;
    while (next < length && next < at + 2 && sw_class[text[next]] & SEPARATOR) next++;
    return next < length && is_digit(text[next]) ? next : at;
}

static bool ends_with_x(const uint8_t *text, size_t at, size_t length) {
    return at < length && sw_class[text[at]] & X;
}

/* Returns whether the run already has a candidate of this field with this value that ends behind `start`. Such a
 * candidate began in one of the five groups before, so not before `since`; that bounds the search. */
static inline bool is_known(const struct sw_scanner *scanner, enum sw_field field, const uint8_t *value, size_t size,
                            size_t start, size_t since) {
    const struct bucket *bucket = &scanner->buckets[field];
    for (size_t i = bucket->count; i > scanner->run_first[field]; i--) {
        const struct found *one = &bucket->found[i - 1];
        size_t tape_start = i > 1 ? bucket->found[i - 2].tape_end : 0;
        if (one->start < since) return false;
        if (one->end > start && one->tape_end - tape_start == size && !memcmp(bucket->tape + tape_start, value, size))
            return true;
    }
    return false;
}

/* Adds the value of `size` bytes that was written to sw_room(), unless `size` is 0 or the value is known. */
static inline void add_new(struct sw_scanner *scanner, enum sw_field field, const uint8_t *value, size_t size,
                           struct group all, size_t since) {
    if (size && !is_known(scanner, field, value, size, all.start, since))
        sw_add(scanner, field, size, all.start, all.end);
}

/* Adds the candidates that a stretch of 7 to 19 digits is; the last one may be an X. `digits` has DIGITS_ROOM bytes. */
static void add_numbers(struct sw_scanner *scanner, const uint8_t *digits, size_t length, struct group all, bool plus,
                        size_t since) {
    const struct sw_rules *rules = scanner->rules;
    uint8_t *value;
    if ((length == 18 || length == 15) && wanted(scanner, SW_RESIDENT_ID) && (value = sw_room(scanner, SW_RESIDENT_ID)))
        add_new(scanner, SW_RESIDENT_ID, value, sw_resident_id(rules, digits, length, value), all, since);
    if (sw_class[digits[length - 1]] & X) length--;
    if (wanted(scanner, SW_CARD) && sw_card(rules, digits, length) && (value = sw_room(scanner, SW_CARD))) {
        memcpy(value, digits, DIGITS_COPIED);
        add_new(scanner, SW_CARD, value, length, all, since);
    }
    if (length < SHORTEST_PHONE || length > LONGEST_PHONE || !wanted(scanner, SW_PHONE)) return;
    if (!(value = sw_room(scanner, SW_PHONE))) return;
    size_t size = sw_phone(rules, digits, length, plus, value);
    add_new(scanner, SW_PHONE, value, size, all, since);
    if (!plus && (value = sw_room(scanner, SW_PHONE)))
        add_new(scanner, SW_PHONE, value, sw_phone_glued(rules, digits, length, size > 0, value), all, since);
}

/* Copies a group's digits to `to`, which has room for DIGITS_COPIED bytes: always that many, if the text has them. */
static void copy_digits(uint8_t *to, const uint8_t *text, struct group group, size_t length) {
    if (length - group.start >= DIGITS_COPIED)
        memcpy(to, text + group.start, DIGITS_COPIED);
    else
        memcpy(to, text + group.start, group.end - group.start);
}

#define RING 16 /* groups: five before the current one, six from it on, rounded up to a power of two */

/* Adds the numbers that begin with a group: of this group alone, with the next one, and so on. */
static void add_stretches(struct sw_scanner *scanner, const uint8_t *text, size_t text_length,
                          const struct group *ring, size_t first, size_t last, bool plus) {
    uint8_t digits[DIGITS_ROOM];
    size_t length = 0, start = ring[first % RING].start;
    size_t since = first < MOST_GROUPS - 1 ? 0 : ring[(first - (MOST_GROUPS - 1)) % RING].start;
    for (size_t i = first; i < last; i++) {
        struct group group = ring[i % RING];
        size_t size = group.end - group.start;
        if (length + size > MOST_DIGITS) return;
        copy_digits(digits + length, text, group, text_length);
        length += size;
        if (length >= SHORTEST) add_numbers(scanner, digits, length, (struct group){start, group.end}, plus, since);
    }
}

static void begin_run(struct sw_scanner *scanner) {
    for (int field = SW_PHONE; field <= SW_CARD; field++) scanner->run_first[field] = scanner->buckets[field].count;
}

/* Adds the numbers of a run whose first group is start..end. Returns where the run ends. */
static size_t scan_groups(struct sw_scanner *scanner, const uint8_t *text, size_t start, size_t end, size_t length,
                          bool plus) {
    struct group ring[RING]; /* the last group of a run includes an X behind it */
    size_t first = 0, last = 1;
    ring[0] = (struct group){start, end};
    begin_run(scanner);
    for (bool more = true; first < last; first++) {
        while (more && last < first + MOST_GROUPS) {
            size_t next = next_group(text, end, length);
            more = next != end;
            if (more) {
                end = group_end(text, next, length);
                ring[last++ % RING] = (struct group){next, end};
            }
            if (ends_with_x(text, end, length)) { /* an X ends the run */
                ring[(last - 1) % RING].end = ++end;
                more = false;
            }
        }
        add_stretches(scanner, text, length, ring, first, last, plus && first == 0);
    }
    return end;
}

/* Adds the numbers of the run that begins with these digits. Returns where the run ends. */
static size_t scan_run(struct sw_scanner *scanner, const uint8_t *text, struct group digits, size_t length) {
    size_t start = digits.start, end = digits.end;
    /* Most runs are too short, and one look at the next character tells it. */
    if (end - start < SHORTEST && (end == length || !(sw_class[text[end]] & (SEPARATOR | X)))) return end;
    bool opened = start > 0 && text[start - 1] == '(';
    bool plus = start > opened && text[start - opened - 1] == '+';
    bool alone = next_group(text, end, length) == end && !ends_with_x(text, end, length);
    if (!alone || plus || opened) return scan_groups(scanner, text, start, end, length, plus);
    if (end - start >= SHORTEST && end - start <= MOST_DIGITS) {
        uint8_t copy[DIGITS_ROOM];
        copy_digits(copy, text, digits, length);
        begin_run(scanner);
        add_numbers(scanner, copy, end - start, digits, false, 0);
    }
    return end;
}

/* Finds numbers and IBANs in one pass over the groups of digits: the check digits of an IBAN begin a run, too. */
void sw_numbers(struct sw_scanner *scanner, const uint8_t *text, size_t length) {
    size_t iban_from = 0;
    struct digit_search search = begin_search(text, length);
    struct group digits = next_digits(&search, 0);
    while (digits.start < length) {
        size_t end = scan_run(scanner, text, digits, length);
        if (digits.start > 1 && sw_class[text[digits.start - 1]] & LETTER && wanted(scanner, SW_IBAN))
            iban_from = sw_iban(scanner, text, length, digits.start, iban_from);
        digits = next_digits(&search, end);
    }
}
