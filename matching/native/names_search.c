/* Finds names in folded text, however they are spelled (matching/mentions/terms.py, rule 2): the text is read without
 * separators and with letters in place of the digits they are swapped for, and compared with names in the same form.
 *
 * At each character the first bytes are looked up in a filter of bits, which few characters pass. For those the names
 * with these first bytes are compared: short ones by the bytes of the filter, others by eight bytes. */
#include <stdlib.h>

#include "inside.h"

#if defined SW_X86
#include <immintrin.h>
#endif

#define CHUNK 32768 /* bytes of the folded text in which names begin */
#define SPREAD 4    /* times its length that a name with separators may take */
#define AHEAD (SPREAD * SW_NAME_LONGEST + 64)
#define MARK 64 /* bytes of the folded text per mark */
#define FEW 48  /* wide names up to which sixteen characters are looked at at once */
#define SHAPE 4 /* bytes per name in `shapes` */
#define SHORT_FACTOR 0x9E3779B1u
#define SHORT_SHIFT 15
#define DIGITS_BESIDE 16 /* digits beside a name that are skipped; where there are more, Python decides */

struct entry {
    uint64_t bytes, mask; /* the first eight bytes of the name, and which of them it has */
    uint32_t name;
};

/* Entries by the highest bits of the hash of their key. */
struct table {
    unsigned shift;
    uint32_t *starts;
    struct entry *entries;
};

struct sw_names {
    uint8_t images[256], swaps[256]; /* see sw_names_new */
    uint8_t *spelled, *forms, *shapes;
    uint32_t *offsets, *form_offsets, *form_counts;
    uint32_t longest;
    uint64_t keys[2]; /* which bytes are the key of a name, by whether it begins with a character of three bytes */
    uint8_t *filter;
    unsigned filter_shift;
    bool is_vbmi; /* whether the processor has the instructions for many bytes at once */
    uint32_t wide_count;
    uint8_t buckets[128], places[64]; /* for at most FEW wide names: see choose_buckets */
    struct table brief, full; /* names of less than eight bytes, by their key; others, by eight bytes */
};

/* The places of the kept bytes: the text is `stream`, and `marks[i]` of it are before byte MARK * i. */
struct spelled_text {
    uint8_t stream[CHUNK + AHEAD + 64];
    uint32_t marks[(CHUNK + AHEAD) / MARK + 2];
};


static inline uint64_t load(const uint8_t *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

static inline uint64_t hash(uint64_t key) { return key * 0x9E3779B97F4A7C15u; }
static inline bool is_wide(uint8_t lead) { return lead >= 0xE0; }

/* A word whose first bytes, as they stand in memory, are set. */
static uint64_t mask_of(size_t bytes) {
    uint64_t word = 0;
    memset(&word, 0xFF, bytes < 8 ? bytes : 8);
    return word;
}

static unsigned bits_for(uint32_t count) {
    unsigned bits = 1;
    while ((uint32_t)1 << bits < count && bits < 24) bits++;
    return bits;
}

static uint32_t length_of(const struct sw_names *names, uint32_t name) {
    return names->offsets[name + 1] - names->offsets[name];
}

/* The first eight bytes of a name, as they stand in memory; bytes that it does not have are 0. */
static uint64_t first_bytes(const struct sw_names *names, uint32_t name) {
    uint64_t word = 0;
    size_t length = length_of(names, name);
    memcpy(&word, names->spelled + names->offsets[name], length < 8 ? length : 8);
    return word;
}

static uint64_t key_of(const struct sw_names *names, uint32_t name, bool full) {
    if (full) return first_bytes(names, name);
    return first_bytes(names, name) & names->keys[is_wide(names->spelled[names->offsets[name]])];
}

/* Sorts the names of a table by their hash. False when out of memory. */
static bool fill_table(struct sw_names *names, struct table *table, uint32_t count, bool full) {
    unsigned bits = bits_for(count) + 1;
    size_t slots = (size_t)1 << bits;
    table->shift = 64 - bits;
    table->starts = calloc(slots + 2, sizeof *table->starts);
    table->entries = malloc((count + 1) * sizeof *table->entries);
    if (!table->starts || !table->entries) return false;
    for (uint32_t i = 0; i < count; i++)
        if ((length_of(names, i) >= 8) == full) table->starts[(hash(key_of(names, i, full)) >> table->shift) + 2]++;
    for (size_t slot = 2; slot <= slots; slot++) table->starts[slot] += table->starts[slot - 1];
    for (uint32_t i = 0; i < count; i++) {
        if ((length_of(names, i) >= 8) != full) continue;
        uint32_t place = table->starts[(hash(key_of(names, i, full)) >> table->shift) + 1]++;
        table->entries[place] = (struct entry){first_bytes(names, i), mask_of(length_of(names, i)), i};
    }
    return true;
}

static bool fill_filter(struct sw_names *names, uint32_t count) {
    unsigned bits = bits_for(count) + 6;
    if (bits < 16) bits = 16;
    names->filter_shift = 64 - bits;
    names->filter = calloc((size_t)1 << (bits - 3), 1);
    if (!names->filter) return false;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t place = hash(key_of(names, i, false)) >> names->filter_shift;
        names->filter[place >> 3] |= (uint8_t)(1 << (place & 7));
    }
    return true;
}

/* As many bytes are the key of a name as each name of its kind has, at most eight. */
static void choose_keys(struct sw_names *names, uint32_t count) {
    size_t shortest[2] = {8, 8};
    for (uint32_t i = 0; i < count; i++) {
        bool wide = is_wide(names->spelled[names->offsets[i]]);
        if (length_of(names, i) < shortest[wide]) shortest[wide] = length_of(names, i);
        if (length_of(names, i) > names->longest) names->longest = length_of(names, i);
    }
    names->keys[0] = mask_of(shortest[0]);
    names->keys[1] = mask_of(shortest[1]);
}

/* The four bytes of a name by which find_few knows it: those that follow the first byte of two characters. */
static uint32_t short_key(const uint8_t *bytes) {
    uint32_t key;
    uint8_t four[4] = {bytes[1], bytes[2], bytes[4], bytes[5]};
    memcpy(&key, four, sizeof key);
    return key;
}

static inline uint32_t short_hash(uint32_t key) {
    key *= SHORT_FACTOR;
    return key ^ key >> SHORT_SHIFT;
}

/* Each wide name is in one of eight buckets. `buckets` has, by a byte of the hash without its highest bit, in which
 * buckets a name has that byte in its hash. A text may have a name where all four bytes have one bucket in common.
 * `places`: of the keys of sixteen characters of three bytes. */
static void choose_buckets(struct sw_names *names, uint32_t count) {
#if defined SW_X86
    __builtin_cpu_init();
    names->is_vbmi = __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                     __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2");
#endif
    for (uint8_t i = 0; i < 64; i++) names->places[i] = (uint8_t)(3 * (i / 4) + (i % 4 < 2 ? 1 : 2) + i % 4);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *name = names->spelled + names->offsets[i];
        if (!is_wide(*name)) continue;
        uint32_t hashed = short_hash(short_key(name));
        for (int byte = 0; byte < 4; byte++)
            names->buckets[hashed >> 8 * byte & 127] |= (uint8_t)(1 << names->wide_count % 8);
        names->wide_count++;
    }
}

static void *copied(const void *from, size_t size) {
    void *copy = malloc(size + 1);
    if (copy) memcpy(copy, from, size);
    return copy;
}

void sw_names_free(struct sw_names *names) {
    if (!names) return;
    free(names->spelled), free(names->forms), free(names->shapes);
    free(names->offsets), free(names->form_offsets), free(names->form_counts);
    free(names->filter);
    free(names->brief.starts), free(names->brief.entries);
    free(names->full.starts), free(names->full.entries);
    free(names);
}

struct sw_names *sw_names_new(const uint8_t *images, const uint8_t *swaps, const uint8_t *spelled,
                              const uint32_t *offsets, uint32_t count, const uint8_t *forms,
                              const uint32_t *form_offsets, const uint32_t *form_counts, const uint8_t *shapes) {
    struct sw_names *names = calloc(1, sizeof *names);
    if (!names) return NULL;
    memcpy(names->images, images, sizeof names->images);
    memcpy(names->swaps, swaps, sizeof names->swaps);
    uint32_t form_count = form_counts[count];
    names->spelled = copied(spelled, offsets[count]);
    names->offsets = copied(offsets, (count + 1) * sizeof *offsets);
    names->forms = copied(forms, form_offsets[form_count]);
    names->form_offsets = copied(form_offsets, (form_count + 1) * sizeof *form_offsets);
    names->form_counts = copied(form_counts, (count + 1) * sizeof *form_counts);
    names->shapes = copied(shapes, SHAPE * (size_t)count);
    if (names->spelled && names->offsets && names->forms && names->form_offsets && names->form_counts &&
        names->shapes) {
        choose_keys(names, count);
        choose_buckets(names, count);
        if (fill_filter(names, count) && fill_table(names, &names->brief, count, false) &&
            fill_table(names, &names->full, count, true))
            return names;
    }
    sw_names_free(names);
    return NULL;
}

#if defined SW_X86
#define VBMI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2")))

/* Spells whole marks of the text, and returns how many. `to`: the length of the stream so far. */
VBMI static size_t spell_marks(const uint8_t *images, const uint8_t *text, size_t count, struct spelled_text *out,
                               size_t *to) {
    const __m512i low = _mm512_loadu_si512(images), high = _mm512_loadu_si512(images + 64);
    size_t at = *to;
    for (size_t i = 0; i < count; i++) {
        out->marks[i] = (uint32_t)at;
        __m512i bytes = _mm512_loadu_si512(text + MARK * i);
        __mmask64 wide = _mm512_movepi8_mask(bytes);
        __m512i spelled = _mm512_mask_mov_epi8(_mm512_permutex2var_epi8(low, bytes, high), wide, bytes);
        __mmask64 kept = _mm512_test_epi8_mask(spelled, spelled);
        _mm512_storeu_si512(out->stream + at, _mm512_maskz_compress_epi8(kept, spelled));
        at += (size_t)__builtin_popcountll(kept);
    }
    *to = at;
    return count;
}

/* Goes on over characters of three bytes, sixteen at a time, to one that may begin a name. False: there is none before
 * other characters, or before the end. */
VBMI static bool find_few(const struct sw_names *names, const uint8_t *stream, size_t *from, size_t length) {
    const __m512i low = _mm512_loadu_si512(names->buckets), high = _mm512_loadu_si512(names->buckets + 64);
    const __m512i places = _mm512_loadu_si512(names->places), last_narrow = _mm512_set1_epi8((char)0xDF);
    const __mmask64 leads = 0x249249249249; /* every third of 48 bytes */
    for (size_t at = *from; at + 64 <= length; *from = at += 48) {
        __m512i bytes = _mm512_loadu_si512(stream + at);
        if (~_mm512_cmpgt_epu8_mask(bytes, last_narrow) & leads) return false;
        __m512i hashed = _mm512_permutexvar_epi8(places, bytes);
        hashed = _mm512_mullo_epi32(hashed, _mm512_set1_epi32((int)SHORT_FACTOR));
        hashed = _mm512_xor_si512(hashed, _mm512_srli_epi32(hashed, SHORT_SHIFT));
        __m512i buckets = _mm512_permutex2var_epi8(low, hashed, high);
        buckets = _mm512_and_si512(buckets, _mm512_srli_epi32(buckets, 16));
        buckets = _mm512_and_si512(buckets, _mm512_srli_epi32(buckets, 8));
        __mmask16 found = _mm512_test_epi32_mask(buckets, _mm512_set1_epi32(0xFF));
        if (found) {
            *from = at + 3 * (size_t)__builtin_ctz(found);
            return true;
        }
    }
    return false;
}
#endif

/* Reads `length` bytes without separators and with letters for digits. Returns the length of the stream. */
static size_t spell(const struct sw_names *names, const uint8_t *text, size_t length, struct spelled_text *out) {
    const uint8_t *images = names->images;
    size_t to = 0, at = 0, mark = 0;
#if defined SW_X86
    if (names->is_vbmi) {
        mark = spell_marks(images, text, length / MARK, out, &to);
        at = MARK * mark;
    }
#endif
    while (at < length) {
        out->marks[mark++] = (uint32_t)to;
        size_t border = at + MARK < length ? at + MARK : length;
        while (at < border) {
            uint64_t word;
            if (at + 8 <= border && ((word = load(text + at)) & 0x8080808080808080u) == 0x8080808080808080u) {
                memcpy(out->stream + to, &word, sizeof word);
                at += 8;
                to += 8;
                continue;
            }
            size_t end = at + 8 < border ? at + 8 : border;
            for (; at < end; at++) {
                uint8_t image = images[text[at]];
                out->stream[to] = image;
                to += image != 0;
            }
        }
    }
    out->marks[mark] = (uint32_t)to;
    memset(out->stream + to, 0, 64);
    return to;
}

/* Returns the place in the text of byte `at` of the stream. */
static size_t text_place(const struct sw_names *names, const uint8_t *text, const struct spelled_text *spelled,
                         size_t mark_count, size_t at) {
    size_t low = at / MARK, high = mark_count; /* as many bytes are in the text, or more */
    while (low + 1 < high) {
        size_t middle = low + (high - low) / 2;
        if (spelled->marks[middle] <= at)
            low = middle;
        else
            high = middle;
    }
    size_t place = low * MARK;
    for (size_t left = at - spelled->marks[low];; place++) {
        if (!names->images[text[place]]) continue;
        if (!left--) return place;
    }
}

/* Whether text start..end is the only form of the name, as it is. */
static bool is_only_form(const struct sw_names *names, uint32_t name, const uint8_t *text, size_t start, size_t end) {
    uint32_t form = names->form_counts[name], from = names->form_offsets[form];
    return names->form_counts[name + 1] == form + 1 && names->form_offsets[form + 1] - from == end - start &&
           !memcmp(names->forms + from, text + start, end - start);
}

/* Whether three bytes are a character of the blocks from U+3000 to U+9FFF, none of which has case. */
static inline bool is_without_case(const uint8_t *bytes) { return (uint8_t)(bytes[0] - 0xE3) < 7; }

/* Whether the characters beside an end of a name surely do not go on with its word (`_continues_word` of terms.py).
 * `edge`: which boundary the end needs. */
static bool begins_word(const uint8_t *text, size_t start, uint8_t edge) {
    if (edge == SW_EDGE_FREE) return true;
    for (size_t digits = 0; start && digits < DIGITS_BESIDE; start--, digits++) {
        uint8_t before = text[start - 1];
        if (before >= 0x80) return start >= 3 && is_without_case(text + start - 3);
        if (!is_digit(before)) return !is_word(before);
        if (edge == SW_EDGE_DIGIT) return false;
    }
    return !start;
}

static bool ends_word(const uint8_t *text, size_t end, size_t length, uint8_t edge) {
    if (edge == SW_EDGE_FREE) return true;
    for (size_t digits = 0; end < length && digits < DIGITS_BESIDE; end++, digits++) {
        uint8_t after = text[end];
        if (after >= 0x80) return length - end >= 3 && is_without_case(text + end);
        if (!is_digit(after)) return !is_word(after);
        if (edge == SW_EDGE_DIGIT) return false;
    }
    return end == length;
}

/* Whether text start..end, which reads as the name, may be a mention: one of its forms as it is, or another spelling
 * (`_is_possible` of terms.py). */
static bool may_be_mention(const struct sw_names *names, uint32_t name, const uint8_t *text, size_t start,
                           size_t end) {
    size_t size = end - start, letters = length_of(names, name), gaps = size - letters;
    for (uint32_t form = names->form_counts[name]; form < names->form_counts[name + 1]; form++) {
        uint32_t from = names->form_offsets[form];
        if (names->form_offsets[form + 1] - from == size && !memcmp(names->forms + from, text + start, size))
            return true;
    }
    if (!gaps) return true; /* as many letters, and not the same: one is swapped for a digit, or I for l */
    bool words = names->shapes[SHAPE * name] > 1, free_letter = names->shapes[SHAPE * name + 1];
    if (gaps <= 3 * letters) {
        if (words || (free_letter && gaps) || (!free_letter && (gaps == 2 || gaps + 1 >= letters))) return true;
    }
    for (size_t at = start; at < end; at++)
        if (names->swaps[text[at]]) return true;
    return false;
}

struct search {
    const struct sw_names *names;
    const uint8_t *text; /* from where the stream begins */
    const struct spelled_text *spelled;
    size_t mark_count, stream_length, begins_before;
    uint64_t base, text_length; /* of the whole text: how much is before and behind `text` */
    struct sw_name_hit *hits;
    size_t room, count;
};

/* Compares the names of a slot with the stream from `at` on. False: there is no room for more hits. */
static bool compare(struct search *search, const struct table *table, uint64_t hashed, uint64_t word, size_t at) {
    const struct sw_names *names = search->names;
    size_t slot = hashed >> table->shift;
    for (uint32_t i = table->starts[slot]; i < table->starts[slot + 1]; i++) {
        const struct entry *entry = &table->entries[i];
        if ((word & entry->mask) != entry->bytes) continue;
        size_t length = length_of(names, entry->name);
        if (at + length > search->stream_length) continue;
        if (length > 8 && memcmp(names->spelled + names->offsets[entry->name], search->spelled->stream + at, length))
            continue;
        size_t start = text_place(names, search->text, search->spelled, search->mark_count, at);
        if (start >= search->begins_before) continue;
        size_t end = text_place(names, search->text, search->spelled, search->mark_count, at + length - 1) + 1;
        bool only = is_only_form(names, entry->name, search->text, start, end);
        if (!only && !may_be_mention(names, entry->name, search->text, start, end)) continue;
        if (search->count == search->room) return false;
        const uint8_t *whole = search->text - search->base, *edges = names->shapes + SHAPE * entry->name + 2;
        uint64_t first = search->base + start, last = search->base + end;
        uint32_t sure = only && begins_word(whole, first, edges[0]) && ends_word(whole, last, search->text_length, edges[1]);
        search->hits[search->count++] = (struct sw_name_hit){first, last, entry->name, sure};
    }
    return true;
}

static bool look_up(struct search *search, uint64_t word, uint64_t hashed, size_t at) {
    return compare(search, &search->names->brief, hashed, word, at) &&
           compare(search, &search->names->full, hash(word), word, at);
}

static inline bool passes(const struct sw_names *names, uint64_t hashed) {
    uint64_t place = hashed >> names->filter_shift;
    return names->filter[place >> 3] >> (place & 7) & 1;
}

/* Whether one of four characters of `step` bytes may begin a name. */
static inline bool one_passes(const struct sw_names *names, const uint8_t *stream, uint64_t key, size_t step) {
    uint64_t a = hash(load(stream) & key), b = hash(load(stream + step) & key);
    uint64_t c = hash(load(stream + 2 * step) & key), d = hash(load(stream + 3 * step) & key);
    return passes(names, a) | passes(names, b) | passes(names, c) | passes(names, d);
}

/* False: there is no room for more hits. */
static bool search_stream(struct search *search) {
    const struct sw_names *names = search->names;
    const uint8_t *stream = search->spelled->stream;
    const uint64_t narrow_key = names->keys[0], wide_key = names->keys[1];
    bool few = names->is_vbmi && names->wide_count <= FEW;
    for (size_t at = 0; at < search->stream_length;) {
        bool found = false;
#if defined SW_X86
        if (few && is_wide(stream[at])) found = find_few(names, stream, &at, search->stream_length);
#endif
        while (!found && at + 4 < search->stream_length &&
               !((stream[at] | stream[at + 1] | stream[at + 2] | stream[at + 3]) & 0x80) &&
               !one_passes(names, stream + at, narrow_key, 1))
            at += 4;
        while (!found && at + 12 < search->stream_length &&
               is_wide(stream[at] & stream[at + 3] & stream[at + 6] & stream[at + 9]) &&
               !one_passes(names, stream + at, wide_key, 3))
            at += 12;
        uint64_t word = load(stream + at);
        bool wide = is_wide(stream[at]);
        uint64_t hashed = hash(word & (wide ? wide_key : narrow_key));
        if (passes(names, hashed) && !look_up(search, word, hashed, at)) return false;
        at += wide ? 3 : 1;
    }
    return true;
}

int64_t sw_names_find(const struct sw_names *names, const uint8_t *text, size_t length, uint64_t *at,
                      struct sw_name_hit *hits, size_t room) {
    struct spelled_text *spelled = malloc(sizeof *spelled);
    if (!spelled) return -1;
    struct search search = {.names = names, .spelled = spelled, .text_length = length, .hits = hits, .room = room};
    while (*at < length) {
        size_t left = length - *at, kept = search.count;
        size_t size = left < CHUNK ? left : CHUNK;
        size_t ahead = (size_t)SPREAD * names->longest + 64;
        search.text = text + *at;
        search.base = *at;
        search.begins_before = size;
        size_t read = left < size + ahead ? left : size + ahead;
        search.stream_length = spell(names, search.text, read, spelled);
        search.mark_count = (read + MARK - 1) / MARK;
        if (!search_stream(&search)) { /* this chunk is searched again in the next call */
            search.count = kept;
            break;
        }
        *at += size;
    }
    free(spelled);
    return (int64_t)search.count;
}
