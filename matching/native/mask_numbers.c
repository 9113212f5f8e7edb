/* Numbers to mask: what _find_numbers and _find_recognised_numbers of matching/masks.py find. A run of digits is parted
 * by ordinary numbers; in what is left, shapes and groups with right check digits are looked for. */
#include "masks.h"

#define FEWEST_DIGITS 7
#define MOST_DIGITS 19
#define SHORTEST_GROUPED 13 /* characters */
#define FEWEST_APART 11     /* digits written one by one, where they begin with neither + nor 0 */
#define MOST_GROUPS 6
#define LONG_GROUP 7
#define AREA_CODE 3

static bool is_x(uint8_t byte) { return byte == 'X' || byte == 'x'; }

static bool is_among(uint8_t byte, const char *signs) { return byte && strchr(signs, byte); }

/* --- shapes: each function returns where the shape ends that begins at `at`, or 0 */

/* Where a shape may end: behind it nothing is looked at. */
struct within {
    const uint8_t *text;
    size_t end;
};

static bool has_digit(struct within in, size_t at) { return at < in.end && is_digit(in.text[at]); }

static bool has_sign(struct within in, size_t at, const char *signs) {
    return at < in.end && is_among(in.text[at], signs);
}

/* Returns the end of `count` digits, or 0. */
static size_t digits_end(struct within in, size_t at, size_t count) {
    if (!at || at > in.end || in.end - at < count) return 0;
    for (size_t i = 0; i < count; i++)
        if (!is_digit(in.text[at + i])) return 0;
    return at + count;
}

/* The same, for digits behind a separator that may be there. */
static size_t apart_end(struct within in, size_t at, const char *signs, size_t count) {
    return at ? digits_end(in, at + has_sign(in, at, signs), count) : 0;
}

/* The same, for digits behind a separator. */
static size_t separated_end(struct within in, size_t at, const char *signs, size_t count) {
    return at && has_sign(in, at, signs) ? digits_end(in, at + 1, count) : 0;
}

static size_t at_border(struct within in, size_t end) { return end && !has_digit(in, end) ? end : 0; }

static size_t skip_signs(struct within in, size_t at, const char *signs) {
    size_t last = at + 2;
    while (at < last && has_sign(in, at, signs)) at++;
    return at;
}

static size_t international_end(struct within in, size_t at) {
    size_t end = 0;
    at += has_sign(in, at + 1, "(") + 1;
    if (!has_digit(in, at)) return 0;
    at++;
    for (int count = 1; count <= 16; count++) {
        size_t digit = skip_signs(in, at, " -.()/_");
        if (!has_digit(in, digit)) break;
        at = digit + 1;
        if (count >= 6 && !has_digit(in, at)) end = at;
    }
    return end;
}

static size_t resident_id_end(struct within in, size_t at) {
    size_t end = at + 6;
    for (size_t i = at; i < end; i++)
        if (!has_digit(in, i)) return 0;
    end = apart_end(in, apart_end(in, end, " _-", 8), " _-", 3);
    return end && (has_digit(in, end) || has_sign(in, end, "Xx")) ? at_border(in, end + 1) : 0;
}

static size_t mobile_end(struct within in, size_t at) {
    size_t code = at;
    if (has_sign(in, code, "0") && has_sign(in, code + 1, "0")) code += 2;
    if (has_sign(in, code, "8") && has_sign(in, code + 1, "6")) {
        at = code + 2;
        at += has_sign(in, at, " _-");
    }
    if (!has_sign(in, at, "1") || !has_sign(in, at + 1, "3456789") || !has_digit(in, at + 2)) return 0;
    at += 3;
    size_t end = at_border(in, apart_end(in, apart_end(in, at, " ._-", 4), " ._-", 4));
    if (!end && has_digit(in, at))
        end = at_border(in, separated_end(in, separated_end(in, at + 1, " _-", 3), " _-", 4));
    return end ? end : at_border(in, separated_end(in, separated_end(in, at, " _-", 3), " _-", 5));
}

static size_t card_end(struct within in, size_t at) {
    if (!has_sign(in, at, "3456") || !digits_end(in, at + 1, 3)) return 0;
    size_t first = at + 4, two = separated_end(in, separated_end(in, first, " _-", 4), " _-", 4);
    size_t starts[2] = {separated_end(in, two, " _-", 4), two}; /* three groups of four, or two */
    for (int i = 0; i < 2; i++) {
        if (!starts[i] || !has_sign(in, starts[i], " _-")) continue;
        size_t end = starts[i] + 1;
        while (end < starts[i] + 5 && has_digit(in, end)) end++;
        if (end > starts[i] + 1 && !has_digit(in, end)) return end;
    }
    size_t end = separated_end(in, separated_end(in, first, " _-", 6), " _-", 4);
    if (!end) return 0;
    return at_border(in, end + has_digit(in, end));
}

static size_t long_end(struct within in, size_t at) {
    size_t end = group_end(in.text, at, in.end);
    return end - at >= 11 ? end : 0;
}

static size_t american_end(struct within in, size_t at) {
    if (digits_end(in, at + 1, 7) && has_digit(in, at) && sw_bare_date(in.text + at, 8)) return 0;
    if (has_sign(in, at, "1")) at += 1 + has_sign(in, at + 1, " ._-");
    at += has_sign(in, at, "(");
    if (!has_sign(in, at, "23456789") || !digits_end(in, at + 1, 2)) return 0;
    at += 3;
    at += has_sign(in, at, ")");
    at = skip_signs(in, at, " ._-");
    if (!has_sign(in, at, "23456789")) return 0;
    return at_border(in, apart_end(in, digits_end(in, at + 1, 2), " ._-", 4));
}

/* Up to four groups of two to eight digits. */
static size_t national_groups_end(struct within in, size_t at, int count) {
    size_t start = skip_signs(in, at, " ._/-"), most = 0, end;
    if (count < 4) {
        while (most < 8 && has_digit(in, start + most)) most++;
        for (; most >= 2; most--)
            if ((end = national_groups_end(in, start + most, count + 1))) return end;
    }
    return count >= 1 ? at_border(in, at) : 0;
}

static bool is_date_sign(struct within in, size_t at) { return at < in.end && in.text[at] >= ' ' && in.text[at] <= '/'; }

/* 1 15.10.2024 behind a 0, for example */
static bool is_rest_of_date(struct within in, size_t at) {
    return has_digit(in, at) && is_date_sign(in, at + 1) && digits_end(in, at + 2, 2) && is_date_sign(in, at + 4) &&
           at_border(in, digits_end(in, at + 5, 4)) &&
           (number(in.text + at + 5, 2) == 19 || number(in.text + at + 5, 2) == 20);
}

static size_t national_end(struct within in, size_t at) {
    at += has_sign(in, at, "(");
    if (!has_sign(in, at, "0") || !has_sign(in, at + 1, "123456789") || is_rest_of_date(in, at + 1)) return 0;
    size_t area = at + 2, end;
    while (area < at + 5 && has_digit(in, area)) area++;
    for (; area >= at + 2; area--) {
        if (has_sign(in, area, ")") && (end = national_groups_end(in, area + 1, 0))) return end;
        if ((end = national_groups_end(in, area, 0))) return end;
    }
    return 0;
}

/* Returns where the last whole group ends with which the number has 9 to 12 digits; 0: there is none. */
static size_t national_number_end(struct within in, size_t at, size_t end) {
    size_t digits = 0, last = 0;
    for (; at < end; at++) {
        if (!is_digit(in.text[at])) continue;
        digits++;
        bool ends = at + 1 == end || !is_digit(in.text[at + 1]);
        if (ends && digits >= 9 && digits <= 12) last = at + 1;
    }
    return last;
}

/* Something to mask, and how many digits stay readable. */
struct masked {
    size_t start, end;
    unsigned first, last;
};

/* The shapes of a run, one after the other. */
struct shapes {
    struct within in;
    size_t at;
    bool all; /* else only those of mask_url */
};

/* Sets `found` to the shape that begins at `at` and moves `at` behind it, or by one where there is none. */
static bool take_shape(struct shapes *shapes, struct masked *found) {
    static const struct {
        size_t (*end)(struct within in, size_t at);
        unsigned first, last;
        bool recognised;
    } kinds[] = {
        {resident_id_end, 6, 4, false}, {mobile_end, 3, 4, true},    {card_end, 6, 4, false},
        {long_end, 3, 4, false},        {american_end, 3, 2, false}, {national_end, 3, 2, false},
    };
    struct within in = shapes->in;
    size_t at = shapes->at++, end = 0;
    bool wanted = true;
    if (in.text[at] == '+') {
        *found = (struct masked){at, end = international_end(in, at), 4, 3};
    } else if ((is_digit(in.text[at]) || in.text[at] == '(') && !(at > 0 && is_digit(in.text[at - 1]))) {
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !end; i++) {
            if (!(end = kinds[i].end(in, at))) continue;
            if (kinds[i].end == national_end && !(end = national_number_end(in, at, end))) return false;
            *found = (struct masked){at, end, kinds[i].first, kinds[i].last};
            wanted = shapes->all || kinds[i].recognised;
        }
    }
    if (!end || !wanted) return false;
    if (group_end(in.text, at, end) == end && sw_bare_date(in.text + at, end - at)) return false;
    shapes->at = end;
    return true;
}

static bool next_shape(struct shapes *shapes, struct masked *found) {
    while (shapes->at < shapes->in.end)
        if (take_shape(shapes, found)) return true;
    return false;
}

/* --- shapes and groups in their order; those that overlap are masked as one */

struct merge {
    struct sw_scanner *scanner;
    const uint8_t *text;
    struct shapes shapes;
    struct masked shape; /* the next one, if `more` */
    struct masked last;  /* added when nothing overlaps it any more */
    size_t first;        /* where the first one begins; SIZE_MAX: there was none */
    bool more;
};

static bool is_before(struct masked one, struct masked other) {
    if (one.start != other.start) return one.start < other.start;
    if (one.end != other.end) return one.end < other.end;
    return one.first != other.first ? one.first < other.first : one.last < other.last; /* as their masks do */
}

static void flush(struct merge *merge) {
    struct masked one = merge->last;
    if (merge->first == SIZE_MAX) return;
    sw_add_mask(merge->scanner, SW_MASK_NUMBER, merge->text, (struct group){one.start, one.end}, one.first, one.last);
}

static void join(struct merge *merge, struct masked one) {
    if (merge->first == SIZE_MAX) {
        merge->first = one.start;
        merge->last = one;
    } else if (one.start >= merge->last.end) {
        flush(merge);
        merge->last = one;
    } else if (one.start == merge->last.start) {
        merge->last = one; /* the longer */
    } else if (one.end > merge->last.end) {
        merge->last = (struct masked){merge->last.start, one.end, 3, 4};
    }
}

static void add_grouped(struct merge *merge, struct masked one) {
    for (; merge->more && is_before(merge->shape, one); merge->more = next_shape(&merge->shapes, &merge->shape))
        join(merge, merge->shape);
    join(merge, one);
}

/* --- runs and their pieces: see identifiers/digit_runs.py */

struct piece {
    size_t digits, groups;
    struct group last;
    bool plus, zero, crossed;
};

/* Returns the first group of the run from `at` on, with the X at the run's end; an empty one at the end. */
static struct group next_group(const uint8_t *text, size_t at, size_t end) {
    while (at < end && !is_digit(text[at])) at++;
    struct group group = {at, group_end(text, at, end)};
    if (group.end > at && group.end < end && is_x(text[group.end])) group.end++;
    return group;
}

static bool is_behind_plus(const uint8_t *text, size_t at) {
    if (at > 0 && text[at - 1] == '(') at--;
    return at > 0 && text[at - 1] == '+';
}

static void add_group(struct piece *piece, const uint8_t *text, struct group group) {
    if (piece->groups++) {
        piece->crossed = memchr(text + piece->last.end, '/', group.start - piece->last.end) != NULL;
    } else {
        piece->plus = is_behind_plus(text, group.start);
        piece->zero = text[group.start] == '0';
    }
    piece->last = group;
    piece->digits += group.end - group.start;
}

/* `end`: of the digits of the group. */
static bool crosses(const struct piece *piece, const uint8_t *text, size_t length, size_t start, size_t end) {
    struct group last = piece->last;
    if (start == last.end + 1 && text[last.end] == '.' && sw_read_as_number(text, last.start, last.end, length))
        return false;
    if (!memchr(text + last.end, '/', start - last.end)) return true;
    if (last.end - last.start >= LONG_GROUP && end - start >= LONG_GROUP) return false;
    return piece->plus || piece->crossed || text[last.start] == '0' || last.end - last.start == AREA_CODE;
}

/* Returns the group that goes on the piece behind its last one, or an empty one. */
static struct group following(const struct piece *piece, const uint8_t *text, size_t length, size_t run_end) {
    struct group group = next_group(text, piece->last.end, run_end);
    size_t end = group.end - (group.end > group.start && is_x(text[group.end - 1]));
    if (group.end > group.start && !crosses(piece, text, length, group.start, end)) group.end = group.start;
    return group;
}

/* Adds the number that a piece is, if its digits are written one by one. `piece` has its first group. */
static bool add_apart(struct merge *merge, struct piece piece, size_t length, size_t run_end) {
    const uint8_t *text = merge->text;
    struct group first = piece.last;
    for (;;) {
        struct group next = following(&piece, text, length, run_end);
        if (next.end == next.start) break;
        uint8_t between = text[first.end];
        if (next.end - next.start > 1 || text[piece.last.end] != between || text[next.start - 1] != between) return false;
        if (!is_among(between, " -_.") || piece.groups == MOST_DIGITS) return false;
        add_group(&piece, text, next);
    }
    if (piece.groups < FEWEST_DIGITS) return false;
    if (!piece.plus && !piece.zero && (piece.groups < FEWEST_APART || text[first.end] == '.')) return false;
    add_grouped(merge, (struct masked){first.start, piece.last.end, 3, 2});
    return true;
}

static bool has_check_digit(const struct sw_rules *rules, const uint8_t *digits, size_t length) {
    uint8_t value[DIGITS_ROOM];
    if ((length == 15 || length == 18) && sw_resident_id(rules, digits, length, value)) return true;
    return sw_card(rules, digits, length - is_x(digits[length - 1])) > 0;
}

/* Adds the numbers that begin with the first of some groups of a piece. */
static void add_stretches(struct merge *merge, const struct group *groups, size_t count) {
    uint8_t digits[DIGITS_ROOM];
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        size_t size = groups[i].end - groups[i].start;
        if (length + size > MOST_DIGITS) return;
        memcpy(digits + length, merge->text + groups[i].start, size);
        length += size;
        if (length >= SHORTEST_GROUPED && has_check_digit(merge->scanner->rules, digits, length))
            add_grouped(merge, (struct masked){groups[0].start, groups[i].end, 6, 4});
    }
}

static bool is_behind_dot(const uint8_t *text, size_t at) {
    return at > 1 && text[at - 1] == '.' && is_digit(text[at - 2]);
}

/* Adds cards and IDs in groups that no shape has. */
static void find_grouped(struct merge *merge, struct group run, size_t length) {
    const uint8_t *text = merge->text;
    for (struct group next = next_group(text, run.start, run.end); next.end > next.start;
         next = next_group(text, next.start, run.end)) {
        struct piece piece = {0};
        add_group(&piece, text, next);
        bool apart = next.end - next.start == 1 && add_apart(merge, piece, length, run.end);
        struct group window[MOST_GROUPS] = {next};
        size_t count = 1;
        for (bool more = true, first = true; count; first = false) {
            while (more && count < MOST_GROUPS) {
                next = following(&piece, text, length, run.end);
                if (!(more = next.end > next.start)) break;
                add_group(&piece, text, window[count++] = next);
            }
            if (!apart && (first || !is_behind_dot(text, window[0].start))) add_stretches(merge, window, count);
            memmove(window, window + 1, --count * sizeof *window);
        }
        next.start = piece.last.end;
    }
}

/* Returns whether a word such as `phone` may stand before `at`: _LABEL decides. */
static bool may_be_labelled(const uint8_t *text, size_t at) {
    static const char *const labels[] = {"tel", "phone", "mobile", "mob", "cell", "whatsapp"};
    size_t low = at > 24 ? at - 24 : 0;
    for (size_t i = low; i < at; i++)
        if (text[i] >= OTHER_SIGN) return true;
    for (int signs = 0; at > low && signs <= 4; signs++, at--) {
        size_t end = at;
        for (int letters = 0; letters <= 6; letters++, end--) {
            for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
                size_t size = strlen(labels[i]), same = 0;
                if (end - low < size) continue;
                while (same < size && lower(text[end - size + same]) == (uint8_t)labels[i][same]) same++;
                if (same == size) return true;
            }
            if (end == low || !is_word_sign(text[end - 1])) break;
        }
        if (is_word_sign(text[at - 1])) return false;
    }
    return false;
}

static bool is_calendar_day(const uint8_t *text, struct group run) {
    struct within in = {text, run.end};
    size_t at = run.start;
    if (!digits_end(in, at + 1, 3) || (number(text + at, 2) != 19 && number(text + at, 2) != 20)) return false;
    at += 4;
    for (int i = 0; i < 2; i++) { /* month and day */
        if (!has_sign(in, at, "-./") || !has_digit(in, at + 1)) return false;
        at += 2;
        at += has_digit(in, at);
    }
    if (has_sign(in, at, " ") && has_digit(in, at + 1)) {
        at += 2;
        at += has_digit(in, at);
    }
    return at == run.end;
}

/* Returns the first run from `at` on that ends before `end`: a + and a bracket, seven digits or more with at most two
 * separators between them, and an X. An empty one where there is none. */
static struct group find_run(const uint8_t *text, size_t at, size_t end) {
    for (size_t low = at; low < end; low = at) {
        while (at < end && !is_digit(text[at])) at++;
        size_t start = at, digits = 0;
        for (size_t next = at; next < end && is_digit(text[next]);) {
            size_t group = next;
            digits += (at = group_end(text, next, end)) - group;
            next = at;
            while (next < end && next < at + 2 && sw_class[text[next]] & SEPARATOR) next++;
        }
        if (digits < FEWEST_DIGITS) continue;
        if (start > low && text[start - 1] == '(') start--;
        if (start > low && text[start - 1] == '+') start--;
        return (struct group){start, at + (at < end && is_x(text[at]))};
    }
    return (struct group){end, end};
}

/* Adds what is to be masked in a run without ordinary numbers. */
static void add_run(struct sw_scanner *scanner, const uint8_t *text, size_t length, struct group run, bool all) {
    if (is_calendar_day(text, run)) return;
    struct merge merge = {.scanner = scanner, .text = text, .shapes = {{text, run.end}, run.start, all}, .first = SIZE_MAX};
    merge.more = next_shape(&merge.shapes, &merge.shape);
    if (run.end - run.start >= SHORTEST_GROUPED) find_grouped(&merge, run, length);
    for (; merge.more; merge.more = next_shape(&merge.shapes, &merge.shape)) join(&merge, merge.shape);
    flush(&merge);
    size_t end = merge.first < run.end ? merge.first : run.end;
    if (!all || end <= run.start || !may_be_labelled(text, run.start)) return;
    struct group labelled = find_run(text, run.start, end);
    if (labelled.start == run.start && labelled.end > labelled.start)
        sw_add_place(scanner, SW_MASK_LABELLED, labelled.start, labelled.end);
}

static void add_parts(struct sw_scanner *scanner, const uint8_t *text, size_t length, size_t at, size_t end, bool all) {
    for (;;) {
        struct group run = find_run(text, at, end);
        if (run.end == run.start) return;
        add_run(scanner, text, length, run, all);
        at = run.end;
    }
}

/* Adds what is to be masked in a run, between the ordinary numbers in it. */
static void part_run(struct sw_scanner *scanner, const uint8_t *text, size_t length, struct group run, bool all) {
    size_t at = run.start, until = 0;
    struct piece piece = {0};
    for (struct group group = next_group(text, at, run.end); group.end > group.start;
         group = next_group(text, group.end, run.end)) {
        if (group.start < until) continue;
        struct group digits = {group.start, group.end - is_x(text[group.end - 1])};
        if (piece.groups) {
            bool dialled = (piece.plus || piece.zero) && piece.digits < FEWEST_DIGITS;
            if (crosses(&piece, text, length, digits.start, digits.end) &&
                sw_ordinary_end(scanner, text, digits, length, false, false, dialled) == digits.start) {
                add_group(&piece, text, group);
                continue;
            }
            piece = (struct piece){0};
        }
        bool plus = is_behind_plus(text, digits.start);
        size_t end = sw_ordinary_end(scanner, text, digits, length, true, plus, false);
        if (end == digits.start) {
            add_group(&piece, text, group);
            continue;
        }
        add_parts(scanner, text, length, at, digits.start, all);
        at = until = end;
    }
    add_parts(scanner, text, length, at, run.end, all);
}

void sw_mask_numbers(struct sw_scanner *scanner, const uint8_t *text, size_t length, bool all) {
    scanner->word_end = 0;
    struct digit_search search = begin_search(text, length);
    struct group digits = next_digits(&search, 0);
    while (digits.start < length) {
        size_t end = digits.end, count = end - digits.start, start = digits.start;
        for (size_t next = end;;) {
            while (next < length && next < end + 2 && sw_class[text[next]] & SEPARATOR) next++;
            if (next == length || !is_digit(text[next])) break;
            count += (end = group_end(text, next, length)) - next;
            next = end;
        }
        if (count >= FEWEST_DIGITS) {
            if (start > 0 && text[start - 1] == '(') start--;
            if (start > 0 && text[start - 1] == '+') start--;
            end += end < length && is_x(text[end]);
            part_run(scanner, text, length, (struct group){start, end}, all);
        }
        digits = next_digits(&search, end);
    }
}
