/* Ordinary numbers: identifiers/ordinary_numbers.py. All places are those of the narrowed text. */
#include "digits.h"

#define TIME_DIGITS 2
#define LISTED_LENGTH 160 /* characters of a line before the size of a file */
#define PERMISSIONS 11    /* characters, with the one behind them */
#define LONGEST_CHAIN 8 /* groups of digits between dots */
#define HEX_LETTERS 2
#define HEX_LENGTH 16
#define READ_AS_NUMBER 7 /* digits */
#define UUID 36

static bool digit_at(const uint8_t *text, size_t at, size_t length) { return at < length && is_digit(text[at]); }

/* Returns whether `length` digits are a date, or a date and a time. */
bool sw_bare_date(const uint8_t *digits, size_t length) {
    if (!has_length_of_date(length) || !is_century(digits)) return false;
    unsigned month = number(digits + 4, 2), day = number(digits + 6, 2);
    if (month < 1 || month > 12 || day < 1 || day > 31) return false;
    if (length == BARE_DATE) return true;
    return number(digits + 8, 2) < 24 && number(digits + 10, 2) < 60 &&
           (length == BARE_DATE + 4 || number(digits + 12, 2) < 60);
}

static bool is_uuid(const uint8_t *text, size_t start, size_t length) {
    if (start + UUID > length) return false;
    for (size_t i = 0; i < UUID; i++) {
        bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        if (hyphen ? text[start + i] != '-' : !is_hex(text[start + i])) return false;
    }
    return (start == 0 || !is_word(text[start - 1])) && (start + UUID == length || !is_word(text[start + UUID]));
}

static bool is_hexadecimal(const uint8_t *text, size_t start, size_t end, size_t digits) {
    if (start > 0 && (text[start - 1] == '%' || text[start - 1] == '=')) { /* %3D: the first two are an escape */
        for (size_t i = start; i < start + 2 && i < end; i++) digits -= is_digit(text[i]);
        start = end - start < 2 ? end : start + 2;
    }
    size_t letters = end - start - digits;
    return letters >= HEX_LETTERS || (letters > 0 && end - start >= HEX_LENGTH);
}

/* Returns where the hexadecimal word, literal or UUID ends that the group start..end is a part of; `start`: of none.
 * Each word is read once: `scanner` keeps where the last one ended. */
static size_t hexadecimal_end(struct sw_scanner *scanner, const uint8_t *text, struct group group, size_t length) {
    static const uint8_t fields[5] = {0, 9, 14, 19, 24}; /* where those of a UUID begin */
    size_t start = group.start, end = group.end;
    if (scanner->word_end <= start) { /* the group begins another word */
        bool hex = true;
        size_t digits = end - start;
        for (; start > 0 && is_word(text[start - 1]); start--) {
            hex &= is_hex(text[start - 1]);
            digits += is_digit(text[start - 1]);
        }
        for (; end < length && is_word(text[end]); end++) {
            hex &= is_hex(text[end]);
            digits += is_digit(text[end]);
        }
        bool literal = end - start > 2 && text[start] == '0' && (text[start + 1] | 0x20) == 'x';
        for (size_t i = start + 2; literal && i < end; i++) literal = is_hex(text[i]);
        scanner->word_end = end;
        scanner->word_start = start;
        scanner->word_is_hex = literal || (hex && is_hexadecimal(text, start, end, digits));
    }
    size_t word = scanner->word_start;
    for (int i = 0; i < 5; i++)
        if (word >= fields[i] && is_uuid(text, word - fields[i], length)) return word - fields[i] + UUID;
    return scanner->word_is_hex ? scanner->word_end : group.start;
}

static bool is_time(const uint8_t *text, size_t start, size_t end, size_t length) {
    if (end - start <= TIME_DIGITS)
        return (start > 1 && text[start - 1] == ':' && is_digit(text[start - 2])) ||
               (end < length && text[end] == ':' && digit_at(text, end + 1, length));
    return end - start == 3 && start > 4 && text[start - 1] == ',' && is_digit(text[start - 2]) &&
           is_digit(text[start - 3]) && text[start - 4] == ':';
}

/* Returns where the date ends that begins with the group, or its start. */
static size_t date_end(const uint8_t *text, struct group first, size_t length) {
    size_t start = first.start;
    if (first.end == length) return start;
    uint8_t joiner = text[first.end];
    if (joiner != '-' && joiner != '.' && joiner != '/') return start;
    struct group second = {first.end + 1, group_end(text, first.end + 1, length)};
    if (second.end == length || text[second.end] != joiner) return start;
    struct group third = {second.end + 1, group_end(text, second.end + 1, length)};
    size_t sizes[3] = {first.end - start, second.end - second.start, third.end - third.start};
    if (sizes[1] < 1 || sizes[1] > 2 || sizes[2] < 1) return start;
    unsigned middle = number(text + second.start, sizes[1]);
    if (sizes[0] == 4) {
        unsigned century = number(text + start, 2), day = sizes[2] > 2 ? 0 : number(text + third.start, sizes[2]);
        bool right = (century == 19 || century == 20) && middle >= 1 && middle <= 12 && day >= 1 && day <= 31;
        return right ? third.end : start;
    }
    if (sizes[0] > 2) return start;
    bool four = sizes[2] == 4 && (number(text + third.start, 2) == 19 || number(text + third.start, 2) == 20);
    if (!four && !(sizes[2] == 2 && joiner == '/')) return start;
    if (third.end < length && text[third.end] == joiner && digit_at(text, third.end + 1, length)) return start;
    if (start > 1 && text[start - 1] == joiner && is_digit(text[start - 2])) return start;
    unsigned other = number(text + start, sizes[0]);
    unsigned lower = middle < other ? middle : other, higher = middle < other ? other : middle;
    return lower >= 1 && lower <= 12 && higher <= 31 ? third.end : start;
}

/* Returns whether .0 or .00 follows a group, and then no digit: a program read it as a number and wrote it so. */
bool sw_read_as_number(const uint8_t *text, size_t start, size_t end, size_t length) {
    if (end - start < READ_AS_NUMBER || end + 1 >= length || text[end] != '.' || text[end + 1] != '0') return false;
    size_t last = group_end(text, end + 1, length);
    if (last - end > 3 || text[last - 1] != '0') return false;
    return last == length || text[last] != '.' || !digit_at(text, last + 1, length);
}

/* Returns where the address, decimal or version ends that begins with a group and a dot, or its start. */
static size_t dotted_end(const uint8_t *text, struct group first, size_t length) {
    if (first.start > 1 && text[first.start - 1] == '.' && is_digit(text[first.start - 2])) return first.start;
    struct group chain[LONGEST_CHAIN] = {first};
    size_t count = 1, digits = first.end - first.start;
    bool address = true, single = false;
    for (size_t end = first.end; count < LONGEST_CHAIN; count++) {
        if (end == length || text[end] != '.' || !digit_at(text, end + 1, length)) break;
        chain[count] = (struct group){end + 1, end = group_end(text, end + 1, length)};
        digits += chain[count].end - chain[count].start;
        single |= chain[count].end - chain[count].start == 1;
    }
    if (count == 1) return first.start;
    for (size_t i = 0; i < count && address; i++) {
        size_t size = chain[i].end - chain[i].start;
        address = size == 1 || (size <= 3 && text[chain[i].start] != '0' && number(text + chain[i].start, size) < 256);
    }
    if (count == 4 && address) return chain[3].end;
    size_t size = first.end - first.start;
    if (text[first.start] == '0' && size > 1) return first.start;
    if (count == 2) return sw_read_as_number(text, first.start, first.end, length) ? first.start : chain[1].end;
    bool apart = count == LONGEST_CHAIN && digits == LONGEST_CHAIN && text[first.start] == '0';
    if (apart) return first.start; /* a telephone number whose digits are written one by one */
    bool dialled = size > 1 || (chain[1].end - chain[1].start == 3 && digits == 11);
    return single || !dialled ? chain[count - 1].end : first.start;
}

static bool is_joiner(uint8_t byte) { return byte == '-' || byte == '.' || byte == '/'; }

/* Returns whether the digits from..to are joined to others. */
static bool is_joined(const uint8_t *text, size_t from, size_t to, size_t length) {
    return (from > 1 && is_joiner(text[from - 1]) && is_digit(text[from - 2])) ||
           (to < length && is_joiner(text[to]) && digit_at(text, to + 1, length));
}

/* Returns the year that a group is, or 0. */
static unsigned year(const uint8_t *text, size_t start, size_t end) {
    unsigned century = end - start == 4 ? number(text + start, 2) : 0;
    return century == 19 || century == 20 ? number(text + start, 4) : 0;
}

static size_t years_end(const uint8_t *text, struct group first, size_t length) {
    size_t start = first.start, end = first.end;
    unsigned from = year(text, start, end);
    if (!from || end + 1 >= length) return start;
    bool timed = start > 3 && text[start - 1] == ' ' && is_digit(text[start - 2]) && is_digit(text[start - 3]) &&
                 text[start - 4] == ':';
    if (timed && text[end] == ' ' && (text[end + 1] == '-' || text[end + 1] == '+')) {
        size_t zone = end + 2, last = group_end(text, zone, length);
        if (last - zone == 4 && number(text + zone, 2) <= 14 && number(text + zone + 2, 2) < 60) return last;
    }
    if (text[end] != '-') return start;
    size_t last = group_end(text, end + 1, length);
    unsigned to = year(text, end + 1, last);
    return to && from <= to && !is_joined(text, start, last, length) ? last : start;
}

static size_t postal_code_end(const uint8_t *text, struct group first, size_t length) {
    size_t start = first.start, end = first.end;
    if (end - start != 5 || end == length || text[end] != '-') return start;
    size_t last = group_end(text, end + 1, length);
    if (last - end != 5 || is_joined(text, start, last, length)) return start;
    if (text[start] != '0') return last;
    bool state = start > 2 && text[start - 1] == ' ' && (uint8_t)(text[start - 2] - 'A') < 26 &&
                 (uint8_t)(text[start - 3] - 'A') < 26;
    return state ? last : start;
}

static bool is_listed_date(const uint8_t *text, size_t at, size_t length) {
    if (at + 8 <= length && (uint8_t)(text[at + 1] - 'A') < 26)
        return (uint8_t)(text[at + 2] - 'a') < 26 && (uint8_t)(text[at + 3] - 'a') < 26 && text[at + 4] == ' ' &&
               (text[at + 5] == ' ' || is_digit(text[at + 5])) && is_digit(text[at + 6]) && text[at + 7] == ' ';
    if (at + 11 > length) return false;
    for (size_t i = 1; i < 11; i++)
        if (i == 5 || i == 8 ? text[at + i] != '-' : !is_digit(text[at + i])) return false;
    return number(text + at + 1, 2) == 19 || number(text + at + 1, 2) == 20;
}

/* Returns whether a group is the size in a line of `ls -l`, which begins with permissions. */
static bool is_listed_size(const uint8_t *text, struct group group, size_t length) {
    size_t start = group.start;
    if (start == 0 || text[start - 1] != ' ' || group.end == length || text[group.end] != ' ' ||
        !is_listed_date(text, group.end, length))
        return false;
    size_t low = start > LISTED_LENGTH ? start - LISTED_LENGTH : 0, begin = start;
    while (begin > low && text[begin - 1] != '\n') begin--;
    if (begin == low && low > 0) return false;
    if (start - begin < PERMISSIONS || !memchr("-bcdlps", text[begin], 7)) return false;
    for (size_t i = 1; i < PERMISSIONS - 1; i++)
        if (!memchr(i % 3 == 1 ? "r-r-r-" : i % 3 == 2 ? "w-w-w-" : "-xsStT", text[begin + i], 6)) return false;
    return memchr(" .+@", text[begin + PERMISSIONS - 1], 4);
}

size_t sw_ordinary_end(struct sw_scanner *scanner, const uint8_t *text, struct group group, size_t length,
                       bool begins, bool plus, bool dialled) {
    size_t start = group.start, end = group.end;
    if (may_be_hexadecimal(start > 0 ? text[start - 1] : 0, end < length ? text[end] : 0, end - start)) {
        size_t hex = hexadecimal_end(scanner, text, group, length);
        if (hex > start) return hex;
    }
    if (begins && start > 1 && text[start - 1] == '.' && is_digit(text[start - 2])) return end;
    if (is_time(text, start, end, length)) return end;
    if (plus || dialled) return start;
    if (begins && (sw_bare_date(text + start, end - start) || is_listed_size(text, group, length))) return end;
    size_t date = date_end(text, group, length);
    if (date > start) return date;
    if (end < length && text[end] == '.') return dotted_end(text, group, length);
    if (!begins) return start;
    size_t years = years_end(text, group, length);
    return years > start ? years : postal_code_end(text, group, length);
}
