/* Runs of digits, and which numbers they may be: the order and the rules of identifiers/digit_runs.py.
 *
 * A piece is groups of digits with at most two separators between two of them, and no ordinary number. A number is
 * written in one to six whole groups of a piece, so each group may begin six numbers. The groups are kept in a ring,
 * because a piece may be as long as the block, and each character of it is read once. */
#include "digits.h"

#define MOST_GROUPS 6
#define MOST_DIGITS 19
#define SHORTEST 7
#define SHORTEST_PHONE 7
#define LONGEST_PHONE 17
#define LONG_GROUP 7     /* digits; a telephone number has one such group at most */
#define AREA_CODE 3      /* digits before a slash, unless they begin with 0 */
#define FEWEST_APART 11  /* digits written one by one, where they begin with neither + nor 0 */

/* What is known of a piece, up to its last group. */
struct piece {
    size_t digits;
    bool plus, zero; /* a + stands before it; it begins with 0 */
    bool crossed;    /* the last separator was a slash */
};

/* Digits that may be a number; `all` is their place. */
struct stretch {
    struct group all;
    size_t since; /* no candidate of the piece that began before it can end behind the stretch's start */
    unsigned groups, long_groups;
    bool plus;
};

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

static bool may_be_phone(const struct stretch *stretch, const uint8_t *digits, size_t length) {
    if (length < SHORTEST_PHONE || length > LONGEST_PHONE) return false;
    if (stretch->plus) return true;
    if (stretch->groups == 1) return !is_bare_time(digits, length);
    return stretch->long_groups < 2 || (digits[0] == '0' && digits[1] == '0');
}

/* Adds the candidates that a stretch of 7 to 19 digits is; the last one may be an X. `digits` has DIGITS_ROOM bytes. */
static void add_numbers(struct sw_scanner *scanner, const uint8_t *digits, size_t length,
                        const struct stretch *stretch) {
    const struct sw_rules *rules = scanner->rules;
    struct group all = stretch->all;
    size_t since = stretch->since;
    uint8_t *value;
    if ((length == 18 || (length == 15 && stretch->groups == 1)) && wanted(scanner, SW_RESIDENT_ID) &&
        (value = sw_room(scanner, SW_RESIDENT_ID)))
        add_new(scanner, SW_RESIDENT_ID, value, sw_resident_id(rules, digits, length, value), all, since);
    if (sw_class[digits[length - 1]] & X) length--;
    if (wanted(scanner, SW_CARD) && sw_card(rules, digits, length) && (value = sw_room(scanner, SW_CARD))) {
        memcpy(value, digits, DIGITS_COPIED);
        add_new(scanner, SW_CARD, value, length, all, since);
    }
    if (!wanted(scanner, SW_PHONE) || !may_be_phone(stretch, digits, length)) return;
    if (!(value = sw_room(scanner, SW_PHONE))) return;
    size_t size = sw_phone(scanner, digits, length, stretch->plus, value);
    add_new(scanner, SW_PHONE, value, size, all, since);
    if (!stretch->plus && (value = sw_room(scanner, SW_PHONE)))
        add_new(scanner, SW_PHONE, value, sw_phone_glued(scanner, digits, length, size > 0, value), all, since);
}

/* Copies a group's digits to `to`, which has room for DIGITS_COPIED bytes: always that many, if the text has them. */
static void copy_digits(uint8_t *to, const uint8_t *text, struct group group, size_t length) {
    if (length - group.start >= DIGITS_COPIED)
        memcpy(to, text + group.start, DIGITS_COPIED);
    else
        memcpy(to, text + group.start, group.end - group.start);
}

#define RING 16 /* groups: five before the current one, six from it on, rounded up to a power of two */

static bool is_behind_dot(const uint8_t *text, size_t start) {
    return start > 1 && text[start - 1] == '.' && is_digit(text[start - 2]);
}

/* Adds the numbers that begin with a group: of this group alone, with the next one, and so on. */
static void add_stretches(struct sw_scanner *scanner, const uint8_t *text, size_t text_length,
                          const struct group *ring, size_t first, size_t last, bool plus) {
    uint8_t digits[DIGITS_ROOM];
    size_t length = 0, start = ring[first % RING].start;
    if (first > 0 && is_behind_dot(text, start)) return;
    size_t since = first < MOST_GROUPS - 1 ? 0 : ring[(first - (MOST_GROUPS - 1)) % RING].start;
    struct stretch stretch = {{start, start}, since, 0, 0, plus};
    for (size_t i = first; i < last; i++) {
        struct group group = ring[i % RING];
        size_t size = group.end - group.start;
        if (length + size > MOST_DIGITS) return;
        copy_digits(digits + length, text, group, text_length);
        length += size;
        stretch.all.end = group.end;
        stretch.groups++;
        stretch.long_groups += size >= LONG_GROUP;
        if (length >= SHORTEST) add_numbers(scanner, digits, length, &stretch);
    }
}

static void begin_run(struct sw_scanner *scanner) {
    for (int field = SW_PHONE; field <= SW_CARD; field++) scanner->run_first[field] = scanner->buckets[field].count;
}

/* Returns whether a number may go on across a slash. */
static bool crosses_slash(const uint8_t *text, const struct piece *piece, struct group last, struct group next) {
    size_t size = last.end - last.start;
    if (size >= LONG_GROUP && next.end - next.start >= LONG_GROUP) return false;
    return piece->plus || piece->crossed || text[last.start] == '0' || size == AREA_CODE;
}

/* Sets `next` to the group that goes on a piece behind its group `last`. Returns false where the piece ends. */
static bool takes_next(struct sw_scanner *scanner, const uint8_t *text, size_t length, struct piece *piece,
                       struct group last, struct group *next) {
    size_t start = next_group(text, last.end, length);
    if (start == last.end) return false;
    *next = (struct group){start, group_end(text, start, length)};
    bool slash = text[last.end] == '/' || text[start - 1] == '/';
    if (slash && !crosses_slash(text, piece, last, *next)) return false;
    if (start == last.end + 1 && text[last.end] == '.' && sw_read_as_number(text, last.start, last.end, length))
        return false;
    bool dialled = (piece->plus || piece->zero) && piece->digits < SHORTEST;
    if (may_be_ordinary(text, start, next->end, length, false) &&
        sw_ordinary_end(scanner, text, *next, length, false, false, dialled) > start)
        return false;
    piece->crossed = slash;
    piece->digits += next->end - start;
    return true;
}

/* Adds the number that the piece is, if its digits are written one by one with the same separator between them. */
static void add_digits_apart(struct sw_scanner *scanner, const uint8_t *text, size_t length, struct group first,
                             struct piece piece) {
    uint8_t digits[DIGITS_ROOM];
    size_t count = 1;
    struct group last = first, next;
    digits[0] = text[first.start];
    for (; takes_next(scanner, text, length, &piece, last, &next); last = next) {
        uint8_t between = text[first.end];
        if (next.end - next.start > 1 || text[last.end] != between || text[next.start - 1] != between) return;
        if ((between != ' ' && between != '-' && between != '_' && between != '.') || count == MOST_DIGITS) return;
        digits[count++] = text[next.start];
    }
    if (count < SHORTEST || ends_with_x(text, last.end, length)) return;
    if (!piece.plus && !piece.zero && (count < FEWEST_APART || text[first.end] == '.')) return;
    struct stretch stretch = {{first.start, last.end}, 0, (unsigned)count, 0, piece.plus};
    add_numbers(scanner, digits, count, &stretch);
}

/* Adds the numbers of a piece whose first group is start..end. Returns where the piece ends. */
static size_t scan_groups(struct sw_scanner *scanner, const uint8_t *text, size_t start, size_t end, size_t length,
                          bool plus) {
    struct group ring[RING]; /* the last group of a piece includes an X behind it */
    struct piece piece = {end - start, plus, text[start] == '0', false};
    size_t first = 0, last = 1;
    ring[0] = (struct group){start, end};
    begin_run(scanner);
    if (end - start == 1) add_digits_apart(scanner, text, length, ring[0], piece);
    for (bool more = true; first < last; first++) {
        while (more && last < first + MOST_GROUPS) {
            struct group next;
            more = takes_next(scanner, text, length, &piece, ring[(last - 1) % RING], &next);
            if (more) {
                end = next.end;
                ring[last++ % RING] = next;
            }
            if (ends_with_x(text, end, length)) { /* an X ends the piece */
                ring[(last - 1) % RING].end = ++end;
                more = false;
            }
        }
        add_stretches(scanner, text, length, ring, first, last, plus && first == 0);
    }
    return end;
}

/* Adds the numbers of the piece that begins with these digits. Returns where it ends. `until`: set where the digits
 * begin an ordinary number, to its end. */
static size_t scan_run(struct sw_scanner *scanner, const uint8_t *text, struct group digits, size_t length,
                       size_t *until) {
    size_t start = digits.start, end = digits.end;
    /* Most runs are too short, and one look at the next character tells it. */
    if (end - start < SHORTEST && (end == length || !(sw_class[text[end]] & (SEPARATOR | X)))) return end;
    bool alone = next_group(text, end, length) == end && !ends_with_x(text, end, length);
    if (alone && end - start < SHORTEST) return end;
    bool opened = start > 0 && text[start - 1] == '(';
    bool plus = start > opened && text[start - opened - 1] == '+';
    if (may_be_ordinary(text, start, end, length, true)) {
        size_t ordinary = sw_ordinary_end(scanner, text, digits, length, true, plus, false);
        if (ordinary > start) {
            *until = ordinary;
            return end;
        }
    }
    if (!alone || plus || opened) return scan_groups(scanner, text, start, end, length, plus);
    if (end - start <= MOST_DIGITS) {
        uint8_t copy[DIGITS_ROOM];
        struct stretch stretch = {digits, 0, 1, 1, false};
        copy_digits(copy, text, digits, length);
        begin_run(scanner);
        add_numbers(scanner, copy, end - start, &stretch);
    }
    return end;
}

/* Finds numbers and IBANs in one pass over the groups of digits: the check digits of an IBAN begin a run, too. */
void sw_numbers(struct sw_scanner *scanner, const uint8_t *text, size_t length) {
    size_t iban_from = 0, until = 0;
    scanner->word_end = 0;
    struct digit_search search = begin_search(text, length);
    struct group digits = next_digits(&search, 0);
    while (digits.start < length) {
        size_t end = digits.start < until ? digits.end : scan_run(scanner, text, digits, length, &until);
        if (digits.start > 1 && sw_class[text[digits.start - 1]] & LETTER && wanted(scanner, SW_IBAN))
            iban_from = sw_iban(scanner, text, length, digits.start, iban_from);
        digits = next_digits(&search, end);
    }
}
